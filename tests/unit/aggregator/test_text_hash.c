/* aggregator/store/text_hash: against the figures of those who made it. */
#include "aggregator/store/text_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The paper's appendix A: key 00 01 … 0f, message 00 01 … 0e; and vectors of its reference code, in
 * which the message ends earlier. */
static void is_siphash(void **state)
{
	static const struct text_hash_key KEY = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
	static const unsigned char MESSAGE[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
	static const struct {
		size_t size;
		uint64_t hash;
	} CASES[] = {
		{0, 0x726fdb47dd0e0e31},
		{1, 0x74f839c593dc67fd},
		{7, 0xab0200f58b01d137},
		{8, 0x93f5f5799a932462},
		{15, 0xa129ca6149be45e5},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		assert_true(text_hash_bytes(&KEY, MESSAGE, CASES[i].size) == CASES[i].hash);
}

static void a_text_is_its_bytes(void **state)
{
	struct text_hash_key key, other;

	(void)state;
	assert_int_equal(text_hash_key_make(&key, NULL), 0);
	assert_int_equal(text_hash_key_make(&other, NULL), 0);
	assert_true(text_hash(&key, "abc") == (uint32_t)text_hash_bytes(&key, "abc", 3));
	assert_true(text_hash(&key, "") == (uint32_t)text_hash_bytes(&key, NULL, 0));
	assert_true(key.k0 != other.k0 || key.k1 != other.k1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_siphash),
		cmocka_unit_test(a_text_is_its_bytes),
	};

	return cmocka_run_group_tests_name("text_hash", tests, NULL, NULL);
}
