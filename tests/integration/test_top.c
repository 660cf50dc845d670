/* tacho-top before a real aggregator and agent: printed once, as JSON, and live in tmux. */
#include "tests/harness/pipeline.h"
#include "tests/harness/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct pipeline *pipeline;
static struct test_container server, store;

static int set_up(void **state)
{
	(void)state;
	pipeline = pipeline_new(TEST_DRIVER_SYSTEMD);
	pipeline_start_aggregator(pipeline);
	pipeline_start_agent(pipeline, "2s", "auto");
	test_container_make(pipeline->cgroups, "shop", "web", NULL, "server", &server);
	test_container_make(pipeline->cgroups, "bank", "vault", NULL, "safe", &store);
	(void)pipeline_start_load(&server, "cpu", "100");
	(void)pipeline_start_load(&store, "memory", "32");
	assert_true(pipeline_wait_served(pipeline, &server, 1, 60000) >= 0);
	assert_true(pipeline_wait_served(pipeline, &store, 1, 60000) >= 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pipeline_free(pipeline);
	pipeline = NULL;
	return 0;
}

/* What a shell command writes, both outputs; free it. */
static char *shell(int *ret_status, const char *format, ...) __attribute__((format(printf, 2, 3)));
static char *shell(int *ret_status, const char *format, ...)
{
	char *command, *text = calloc(1, 65536);
	va_list arguments;
	FILE *pipe;
	int status;

	va_start(arguments, format);
	assert_true(vasprintf(&command, format, arguments) > 0);
	va_end(arguments);
	assert_non_null(text);
	assert_non_null(pipe = popen(command, "r"));
	text[fread(text, 1, 65535, pipe)] = '\0';
	status = pclose(pipe);
	if (ret_status)
		*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	free(command);
	return text;
}

static char *top(int *ret_status, const char *arguments)
{
	return shell(ret_status, "timeout 30 %s 2>&1 --kubeconfig=%s %s",
		process_program("tacho-top"), pipeline->kubeconfig, arguments);
}

static void expect(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void once_prints_a_table(void **state)
{
	int status;
	char *text = top(&status, "--once");

	(void)state;
	assert_int_equal(status, 0);
	expect(text, "NODE ");
	expect(text, PIPELINE_NODE);
	expect(text, "shop/web");
	expect(text, "bank/vault");
	expect(text, "32Mi");
	free(text);
	text = top(&status, "--once -n bank");
	assert_int_equal(status, 0);
	expect(text, "bank/vault");
	assert_null(strstr(text, "shop/web"));
	assert_null(strstr(text, "NODE ")); /* who sees a namespace may not see nodes */
	free(text);
	text = top(&status, "--once -n bank --show=all");
	assert_int_equal(status, 0);
	expect(text, "bank/vault");
	expect(text, "NODE ");
	free(text);
	text = top(&status, "--once --show=pods -l absent=yes");
	assert_int_equal(status, 0);
	assert_null(strstr(text, "shop/web"));
	free(text);
}

static void json_is_for_scripts(void **state)
{
	int status;
	char *text = top(&status, "-o json --sort=memory");
	json_t *root = json_loads(text, 0, NULL), *first;

	(void)state;
	assert_int_equal(status, 0);
	assert_non_null(root);
	assert_int_equal(json_array_size(json_object_get(root, "nodes")), 1);
	first = json_array_get(json_object_get(root, "pods"), 0);
	assert_string_equal(json_string_value(json_object_get(first, "name")), "vault");
	assert_true(json_integer_value(json_object_get(first, "memory")) >= 32 << 20);
	assert_true(json_is_number(json_object_get(first, "cpu-peak"))); /* of custom.metrics */
	json_decref(root);
	free(text);
}

static void a_full_disk_is_told(void **state)
{
	int status;
	char *text = top(&status, "-o json >/dev/full");

	(void)state;
	assert_int_equal(status, 1);
	expect(text, "No space left on device");
	free(text);
	text = top(&status, "--once >/dev/full");
	assert_int_equal(status, 1);
	expect(text, "No space left on device");
	free(text);
}

static void errors_say_why(void **state)
{
	int status;
	char *text;

	(void)state;
	text = top(&status, "--once --sort=nonsense");
	assert_int_equal(status, 2);
	expect(text, "there is no column \"nonsense\"");
	free(text);
	text = top(&status, "--once --context=other");
	assert_int_equal(status, 1);
	expect(text, "there is no context \"other\" in it");
	free(text);
	text = top(&status, "</dev/null");
	assert_int_equal(status, 1);
	expect(text, "--once");
	free(text);
	text = shell(&status, "env -u KUBECONFIG HOME=/nonexistent %s --once 2>&1",
		process_program("tacho-top"));
	assert_int_equal(status, 1);
	expect(text, "there is no kubeconfig");
	free(text);
	text = shell(&status,
		"sed 's/\"token\": *\"[^\"]*\"/\"token\":\"wrong\"/' %s >%s.bad; %s --once --kubeconfig=%s.bad 2>&1",
		pipeline->kubeconfig, pipeline->kubeconfig, process_program("tacho-top"),
		pipeline->kubeconfig);
	assert_int_equal(status, 1);
	expect(text, "401");
	free(text);
	text = shell(&status,
		"sed 's|\"server\": *\"[^\"]*\"|\"server\":\"https://127.0.0.1:1\"|' %s >%s.off; %s --once --kubeconfig=%s.off 2>&1",
		pipeline->kubeconfig, pipeline->kubeconfig, process_program("tacho-top"),
		pipeline->kubeconfig);
	assert_int_equal(status, 1);
	expect(text, "127.0.0.1:1");
	free(text);
	/* of two files the missing one is passed over */
	text = shell(&status, "KUBECONFIG=/nonexistent/a:%s %s --once 2>&1", pipeline->kubeconfig,
		process_program("tacho-top"));
	assert_int_equal(status, 0);
	expect(text, "shop/web");
	free(text);
}

static void write_text(const char *path, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void write_text(const char *path, const char *format, ...)
{
	FILE *file = fopen(path, "w");
	va_list arguments;

	assert_non_null(file);
	va_start(arguments, format);
	assert_true(vfprintf(file, format, arguments) > 0);
	va_end(arguments);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0700), 0);
}

#define EXEC_API "client.authentication.k8s.io/v1"

/* As in clusters of cloud providers: the token comes from a program. */
static void a_credential_plugin_gives_the_token(void **state)
{
	json_t *config = json_load_file(pipeline->kubeconfig, 0, NULL),
	       *user = json_array_get(json_object_get(config, "users"), 0), *exec;
	char *text, plugin[512], file[512];
	int status;

	(void)state;
	(void)snprintf(plugin, sizeof(plugin), "%s.plugin", pipeline->kubeconfig);
	(void)snprintf(file, sizeof(file), "%s.exec", pipeline->kubeconfig);
	exec = json_pack("{s:{s:s, s:s, s:s}}", "exec", "apiVersion", EXEC_API, "command", plugin,
		"interactiveMode", "Never");
	write_text(plugin,
		"#!/bin/sh\necho '{\"apiVersion\":\"" EXEC_API
		"\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"%s\"}}'\n",
		json_string_value(json_object_get(json_object_get(user, "user"), "token")));
	assert_int_equal(json_object_set_new(user, "user", exec), 0);
	assert_int_equal(json_dump_file(config, file, 0), 0);
	json_decref(config);
	text = shell(&status, "timeout 30 %s --once --kubeconfig=%s 2>&1",
		process_program("tacho-top"), file);
	expect(text, "shop/web");
	assert_int_equal(status, 0);
	free(text);
	write_text(plugin, "#!/bin/sh\necho log in first >&2\nexit 1\n");
	text = shell(&status, "timeout 30 %s --once --kubeconfig=%s 2>&1",
		process_program("tacho-top"), file);
	expect(text, "log in first\n"); /* its own words, on our standard error */
	expect(text, "plugin ended with status 1");
	assert_int_equal(status, 1);
	free(text);
}

static char socket_name[64];

static void press(const char *keys)
{
	free(shell(NULL, "tmux -L %s send-keys %s", socket_name, keys));
}

/* Waits until `part` is on the screen; fails after 20 s. */
static char *await_screen(const char *part)
{
	char *text = NULL;

	for (int i = 0; i < 200; i++) {
		free(text);
		text = shell(NULL, "tmux -L %s capture-pane -p 2>&1", socket_name);
		if (strstr(text, part))
			return text;
		wait_ms(100);
	}
	fail_msg("\"%s\" is not on the screen:\n%s", part, text);
	return NULL;
}

static void begin_tmux(void)
{
	int status;

	free(shell(&status, "command -v tmux"));
	if (status != 0) {
		print_message("skipped: there is no tmux here\n");
		skip();
	}
	(void)snprintf(socket_name, sizeof(socket_name), "tacho-test-%d", (int)getpid());
	free(shell(&status,
		"env LC_ALL=C.UTF-8 tmux -L %s -f /dev/null new-session -d -x 160 -y 20 'sh' 2>&1",
		socket_name));
	assert_int_equal(status, 0);
	free(shell(NULL,
		"tmux -L %s send-keys 'stty -g >%s.before; %s --kubeconfig=%s; echo left=$?; stty -g >%s.after; echo do\"\"ne' Enter",
		socket_name, pipeline->kubeconfig, process_program("tacho-top"),
		pipeline->kubeconfig, pipeline->kubeconfig));
}

static void end_tmux(void)
{
	int status;

	free(shell(&status, "cmp %s.before %s.after 2>&1", pipeline->kubeconfig,
		pipeline->kubeconfig));
	free(shell(NULL, "tmux -L %s kill-server", socket_name));
	assert_int_equal(status, 0); /* the terminal is as it was */
}

static void the_live_view_takes_keys(void **state)
{
	char *text;

	(void)state;
	begin_tmux();
	free(await_screen("shop/web"));
	text = await_screen("CPU*");
	assert_true(strstr(text, "shop/web") < strstr(text, "bank/vault"));
	free(text);
	free(await_screen("█"));
	press("s");
	text = await_screen("MEMORY*");
	assert_true(strstr(text, "bank/vault") < strstr(text, "shop/web"));
	free(text);
	press("/ bank Enter");
	free(await_screen("pods: 1 of 2"));
	press("/ Escape");
	free(await_screen("pods: 2 "));
	press("'?'");
	free(await_screen("turn the order around"));
	press("'?' n");
	free(await_screen("nodes: 1"));
	free(await_screen(PIPELINE_NODE));
	free(shell(NULL, "tmux -L %s resize-window -x 60 -y 8", socket_name));
	free(await_screen("q quit"));
	press("q");
	text = await_screen("done");
	expect(text, "left=0");
	free(text);
	end_tmux();
}

static void a_lost_server_leaves_stale_figures_and_a_signal_the_terminal(void **state)
{
	char *text;

	(void)state;
	begin_tmux();
	free(await_screen("shop/web"));
	(void)process_end(pipeline->aggregator);
	pipeline->aggregator = NULL;
	text = await_screen("STALE ");
	expect(text, "shop/web");
	free(text);
	free(shell(NULL, "kill -TERM $(pgrep -f '[t]acho-top --kubeconfig=%s$')",
		pipeline->kubeconfig));
	text = await_screen("done");
	expect(text, "left=143");
	free(text);
	end_tmux();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once_prints_a_table),
		cmocka_unit_test(json_is_for_scripts),
		cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(errors_say_why),
		cmocka_unit_test(a_credential_plugin_gives_the_token),
		cmocka_unit_test(the_live_view_takes_keys),
		cmocka_unit_test(a_lost_server_leaves_stale_figures_and_a_signal_the_terminal),
	};

	return cmocka_run_group_tests_name("top", tests, set_up, tear_down);
}
