/* aggregator/api/negotiate and accept: what real clients send, and nonsense. */
#include "aggregator/api/accept.h"
#include "aggregator/api/negotiate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define JSON     "application/json"
#define PROTOBUF "application/vnd.kubernetes.protobuf"
#define TABLE    ";as=Table;v=v1;g=meta.k8s.io"

static void chooses_as_kubernetes_does(void **state)
{
	static const struct {
		const char *accept;
		bool list;
		enum negotiate_result result;
		struct representation as;
	} CASES[] = {
		{NULL, true, NEGOTIATE_OK, {MEDIA_JSON, FORM_OBJECT, false, false}},
		{"", true, NEGOTIATE_OK, {MEDIA_JSON, FORM_OBJECT, false, false}},
		{"*/*", true, NEGOTIATE_OK, {MEDIA_JSON, FORM_OBJECT, false, false}},
		{"application/*", true, NEGOTIATE_OK, {MEDIA_JSON, FORM_OBJECT, false, false}},
		{"*", true, NEGOTIATE_OK, {MEDIA_JSON, FORM_OBJECT, false, false}},
		/* the HPA and kubectl top */
		{PROTOBUF ", */*", true, NEGOTIATE_OK, {MEDIA_PROTOBUF, FORM_OBJECT, false, false}},
		{"*/*, " PROTOBUF, true, NEGOTIATE_OK, {MEDIA_PROTOBUF, FORM_OBJECT, false, false}},
		{PROTOBUF "," JSON, true, NEGOTIATE_OK,
			{MEDIA_PROTOBUF, FORM_OBJECT, false, false}},
		/* by q */
		{PROTOBUF ";q=0.5," JSON, true, NEGOTIATE_OK,
			{MEDIA_JSON, FORM_OBJECT, false, false}},
		{JSON ";q=x," PROTOBUF ";q=0.1", true, NEGOTIATE_OK,
			{MEDIA_PROTOBUF, FORM_OBJECT, false, false}},
		/* kubectl get */
		{JSON TABLE "," JSON ";as=Table;v=v1beta1;g=meta.k8s.io," JSON, true, NEGOTIATE_OK,
			{MEDIA_JSON, FORM_TABLE, false, false}},
		{JSON ";as=Table;v=v1beta1;g=meta.k8s.io", false, NEGOTIATE_OK,
			{MEDIA_JSON, FORM_TABLE, true, false}},
		{" " JSON " ; as=Table ; v=v1 ; g=meta.k8s.io ", true, NEGOTIATE_OK,
			{MEDIA_JSON, FORM_TABLE, false, false}},
		/* no Table as protobuf: the next clause */
		{PROTOBUF TABLE, true, NEGOTIATE_UNKNOWN_FORM, {0}},
		{PROTOBUF TABLE "," JSON, true, NEGOTIATE_OK,
			{MEDIA_JSON, FORM_OBJECT, false, false}},
		{"*/*" TABLE, true, NEGOTIATE_OK, {MEDIA_JSON, FORM_TABLE, false, false}},
		/* metadata informers */
		{PROTOBUF ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", true, NEGOTIATE_OK,
			{MEDIA_PROTOBUF, FORM_METADATA, false, false}},
		{JSON ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1beta1", false, NEGOTIATE_OK,
			{MEDIA_JSON, FORM_METADATA, true, false}},
		{JSON ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1", true, NEGOTIATE_UNKNOWN_FORM,
			{0}},
		{JSON ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", false,
			NEGOTIATE_UNKNOWN_FORM, {0}},
		{JSON ";pretty=1", true, NEGOTIATE_OK, {MEDIA_JSON, FORM_OBJECT, false, true}},
		{JSON ";pretty=true", true, NEGOTIATE_OK, {MEDIA_JSON, FORM_OBJECT, false, false}},
		{JSON ";stream=watch", true, NEGOTIATE_OK, {MEDIA_JSON, FORM_OBJECT, false, false}},
		{JSON ";unknown=1", true, NEGOTIATE_OK, {MEDIA_JSON, FORM_OBJECT, false, false}},
		/* nothing to choose */
		{JSON ";as=Table;v=v2;g=meta.k8s.io", true, NEGOTIATE_UNKNOWN_FORM, {0}},
		{JSON ";as=Table;v=v1;g=other", true, NEGOTIATE_UNKNOWN_FORM, {0}},
		{JSON ";as=Nonsense;v=v1;g=meta.k8s.io", true, NEGOTIATE_UNKNOWN_FORM, {0}},
		{JSON ";g=meta.k8s.io", true, NEGOTIATE_UNKNOWN_FORM, {0}},
		{JSON ";stream=else", true, NEGOTIATE_UNKNOWN_FORM, {0}},
		{JSON ";sv=v9", true, NEGOTIATE_UNKNOWN_FORM, {0}},
		{"text/html", true, NEGOTIATE_UNKNOWN_TYPE, {0}},
		{"application/yaml", true, NEGOTIATE_UNKNOWN_TYPE, {0}},
		{"json", true, NEGOTIATE_UNKNOWN_TYPE, {0}},
		{"*/json", true, NEGOTIATE_UNKNOWN_TYPE, {0}},
		{"application/jsonx,applicatio/json,/,;;;,=", true, NEGOTIATE_UNKNOWN_TYPE, {0}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct representation as = {0};

		if (negotiate_resource(CASES[i].accept, CASES[i].list, &as) != CASES[i].result)
			fail_msg("%s: another result", CASES[i].accept);
		if (as.media != CASES[i].as.media || as.form != CASES[i].as.form ||
			as.meta_v1beta1 != CASES[i].as.meta_v1beta1 ||
			as.pretty != CASES[i].as.pretty)
			fail_msg("%s: another representation", CASES[i].accept);
	}
}

static void errors_have_a_form_whatever_is_asked(void **state)
{
	static const struct {
		const char *accept;
		enum media media;
		bool pretty;
	} CASES[] = {
		{NULL, MEDIA_JSON, false},
		{JSON, MEDIA_JSON, false},
		{PROTOBUF ", */*", MEDIA_PROTOBUF, false},
		{JSON TABLE "," JSON, MEDIA_JSON, false},
		{PROTOBUF TABLE "," PROTOBUF, MEDIA_PROTOBUF, false},
		{JSON ";pretty=1", MEDIA_JSON, true},
		{JSON TABLE, MEDIA_JSON, true},
		{"text/html", MEDIA_JSON, true},
		{",;=", MEDIA_JSON, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct representation as = negotiate_error(CASES[i].accept);

		assert_int_equal(as.media, CASES[i].media);
		assert_int_equal(as.pretty, CASES[i].pretty);
		assert_int_equal(as.form, FORM_OBJECT);
	}
}

static void plain_json_is_found_behind_other_wishes(void **state)
{
	(void)state;
	assert_true(negotiate_plain_json(NULL));
	assert_true(negotiate_plain_json("*/*"));
	assert_true(negotiate_plain_json(PROTOBUF "," JSON));
	assert_true(negotiate_plain_json(JSON TABLE "," JSON));
	assert_false(negotiate_plain_json(JSON TABLE));
	assert_false(negotiate_plain_json(PROTOBUF));
	assert_false(negotiate_plain_json("text/html"));
}

static void clauses_beyond_the_bound_are_not_looked_at(void **state)
{
	char header[64 * ACCEPT_MAX_CLAUSES] = "";
	struct representation as = {0};
	struct accept accept;

	(void)state;
	for (int i = 0; i < ACCEPT_MAX_CLAUSES - 1; i++)
		(void)snprintf(header + strlen(header), sizeof(header) - strlen(header), "a/b,");
	(void)snprintf(header + strlen(header), sizeof(header) - strlen(header), PROTOBUF);
	assert_int_equal(negotiate_resource(header, true, &as), NEGOTIATE_OK);
	assert_int_equal(as.media, MEDIA_PROTOBUF);
	memmove(header + 4, header, strlen(header) + 1);
	memcpy(header, "c/d,", 4);
	assert_int_equal(negotiate_resource(header, true, &as), NEGOTIATE_UNKNOWN_TYPE);
	accept_parse(header, &accept);
	assert_int_equal(accept.count, ACCEPT_MAX_CLAUSES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chooses_as_kubernetes_does),
		cmocka_unit_test(errors_have_a_form_whatever_is_asked),
		cmocka_unit_test(plain_json_is_found_behind_other_wishes),
		cmocka_unit_test(clauses_beyond_the_bound_are_not_looked_at),
	};

	return cmocka_run_group_tests_name("negotiate", tests, NULL, NULL);
}
