/* Which kubeconfig files a user means. */
#ifndef TOP_KUBECONFIG_FILES_H
#define TOP_KUBECONFIG_FILES_H

#include "base/error.h"
#include "base/string_list.h"

/* `flag` when it is not "", else $KUBECONFIG's parts, else ~/.kube/config. 0, -ENOENT with a
 * message when nothing says where, or -ENOMEM. Free the list in any case. */
int kubeconfig_files(const char *flag, struct string_list *ret_files, struct error *err);

#endif
