#include "aggregator/api/version.h"

#include "aggregator/api/json_text.h"

#include <string.h>

/* Go's name of the machine that this was built for. */
static const char *architecture(void)
{
#if defined(__x86_64__)
	return "amd64";
#elif defined(__aarch64__)
	return "arm64";
#else
	return "unknown";
#endif
}

void version_write(const char *version, struct buffer *out)
{
	size_t major = strcspn(version, "."), minor_at = major + (version[major] == '.');
	size_t minor = strcspn(version + minor_at, ".-+");

	buffer_printf(out, "{\"major\":\"%.*s\",\"minor\":\"%.*s\",\"gitVersion\":", (int)major,
		version, (int)minor, version + minor_at);
	/* Clients read it as a semantic version with a v. */
	buffer_printf(out, "\"v%s\",\"gitCommit\":\"\",\"gitTreeState\":\"\",\"buildDate\":\"\",",
		version);
	buffer_append_string(out, "\"goVersion\":\"\",\"compiler\":");
	json_text_append(out, "C " __VERSION__);
	buffer_printf(out, ",\"platform\":\"linux/%s\"}", architecture());
}
