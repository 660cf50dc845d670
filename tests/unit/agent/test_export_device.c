/* agent/export_device: the node's disks in one label. */
#include "agent/export_device.h"
#include "tests/harness/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct scratch *scratch;
static char device[EXPORT_DEVICE_SIZE];

static int set_up(void **state)
{
	(void)state;
	scratch = scratch_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_free(scratch);
	return 0;
}

static const char *look(void)
{
	return export_device(scratch_path(scratch, ""), device);
}

static void disks_stand_in_order(void **state)
{
	static const char *const OTHERS[] = {
		"loop0", "dm-0", "md127", "ram3", "zram0", "sr0", "fd0", "nbd1"};

	(void)state;
	for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++)
		(void)scratch_write(scratch, OTHERS[i], "");
	assert_string_equal(look(), "all");
	(void)scratch_write(scratch, "vdb", "");
	assert_string_equal(look(), "/dev/vdb");
	(void)scratch_write(scratch, "nvme0n1", "");
	assert_string_equal(look(), "/dev/nvme0n1+vdb");
	(void)scratch_write(scratch, "odd\"name", "");
	assert_string_equal(look(), "/dev/nvme0n1+vdb");
}

static void many_are_cut_after_a_whole_name(void **state)
{
	char name[] = "sda";

	(void)state;
	for (; name[2] <= 'z'; name[2]++)
		(void)scratch_write(scratch, name, "");
	assert_string_equal(look(), "/dev/sda+sdb+sdc+sdd+sde+sdf+sdg+sdh+sdi+sdj+sdk+sdl+sdm+sdn");
}

static void without_a_folder_there_are_none(void **state)
{
	(void)state;
	assert_string_equal(export_device("/nonexistent", device), "all");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(disks_stand_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_are_cut_after_a_whole_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_a_folder_there_are_none, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("export_device", tests, NULL, NULL);
}
