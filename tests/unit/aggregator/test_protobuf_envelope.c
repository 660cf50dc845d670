/* aggregator/api/protobuf_envelope and protobuf_put.h: fillers and varints of every length. */
#include "aggregator/api/protobuf_envelope.h"
#include "aggregator/api/protobuf_put.h"
#include "proto/kubernetes.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_filler_has_any_size(void **state)
{
	static const size_t AROUND[] = {PROTOBUF_ENVELOPE_FILLER_LEAST + 100, 131, 16388, 2097156};

	(void)state;
	for (size_t i = 0; i < sizeof(AROUND) / sizeof(AROUND[0]); i++) {
		for (size_t size = AROUND[i] - 100; size < AROUND[i] + 100; size++) {
			struct buffer out = {0};
			size_t zeros;

			if (size < PROTOBUF_ENVELOPE_FILLER_LEAST)
				continue;
			zeros = protobuf_envelope_filler(size, &out);
			assert_int_equal(out.length + zeros, size);
			if (size < 1000) {
				K8s__PodMetricsList *list;

				memset(buffer_reserve(&out, zeros + 1), 0, zeros);
				list = k8s__pod_metrics_list__unpack(
					NULL, size, (const uint8_t *)out.data);
				assert_non_null(list);
				assert_in_range(list->base.n_unknown_fields, 1, 2);
				assert_int_equal(list->n_items, 0);
				k8s__pod_metrics_list__free_unpacked(list, NULL);
			}
			buffer_free(&out);
		}
	}
}

static void varints_have_their_size(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits <= 64; bits++) {
		uint64_t value = bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
		char out[PROTOBUF_VARINT_BOUND];

		assert_int_equal(
			protobuf_put_varint(out, value) - out, protobuf_varint_size(value));
		assert_int_equal(protobuf_varint_size(value), bits == 0 ? 1 : (bits + 6) / 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_filler_has_any_size),
		cmocka_unit_test(varints_have_their_size),
	};

	return cmocka_run_group_tests_name("protobuf_envelope", tests, NULL, NULL);
}
