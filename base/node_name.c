#include "base/node_name.h"

#include <stddef.h>
#include <string.h>

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool node_name_valid(const char *name)
{
	size_t length = strnlen(name, NODE_NAME_MAX + 1);

	if (length == 0 || length > NODE_NAME_MAX)
		return false;
	for (size_t i = 0; i < length; i++) {
		bool edge = i == 0 || name[i - 1] == '.' || i + 1 == length || name[i + 1] == '.';

		if (!is_alphanumeric(name[i]) && (edge || (name[i] != '-' && name[i] != '.')))
			return false;
	}
	return true;
}
