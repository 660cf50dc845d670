/* What a cgroup is, from its folder's name alone: the naming rules of the kubelet's two cgroup
 * drivers and of the container runtimes. Pure functions on strings. */
#ifndef AGENT_CGROUP_NAME_H
#define AGENT_CGROUP_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* A pod's uid with dashes (36), or a static pod's config hash (32 hex digits). */
#define POD_UID_SIZE      64
/* A container's id: 64 hex digits from every runtime in use; nothing else passes for one. */
#define CONTAINER_ID_SIZE 72

/* True when the text is a pod's uid as the API writes it (8-4-4-4-12 hex digits), or a static pod's
 * hash (32 hex digits); writes it. Lower case only, as Kubernetes does. */
bool cgroup_name_parse_uid(const char *text, size_t length, char ret_uid[POD_UID_SIZE]);

/* True when the text is a container's id; writes it. */
bool cgroup_name_parse_id(const char *text, size_t length, char ret_id[CONTAINER_ID_SIZE]);

/* True when `folder` (one path component) is the top of a kubepods tree: "kubepods",
 * "kubepods.slice", or with a systemd prefix "kubelet-kubepods.slice". */
bool cgroup_name_is_kubepods(const char *folder);

/* True when `folder` is a QoS level inside of a kubepods tree: "burstable", "besteffort",
 * "kubepods-burstable.slice", "kubelet-kubepods-besteffort.slice". */
bool cgroup_name_is_qos(const char *folder);

/* True when `folder` is a pod's; writes its uid with "-" for systemd's "_". Static pods' hashes
 * pass as they are. */
bool cgroup_name_is_pod(const char *folder, char ret_uid[POD_UID_SIZE]);

/* True when `folder`, found directly inside of a pod's folder, is a container: a runtime's scope
 * ("cri-containerd-<id>.scope", "crio-<id>.scope", "docker-<id>.scope") or, from the cgroupfs
 * driver, a bare id or CRI-O's "crio-<id>". Writes the id. False for "crio-conmon-*" and for
 * anything that is not an id. */
bool cgroup_name_is_container(const char *folder, char ret_id[CONTAINER_ID_SIZE]);

/* True when `folder` is a systemd unit that stands for something that runs: *.service, *.scope;
 * not *.mount, *.slice, *.socket, *.swap. */
bool cgroup_name_is_unit(const char *folder);

/* True when `folder` is a systemd slice: it holds units. */
bool cgroup_name_is_slice(const char *folder);

/* True when `folder`, found at the top of the tree, stands for something that runs: a unit, or a
 * cgroup that systemd did not make. */
bool cgroup_name_is_top_level(const char *folder);

/* A name of the API is at most 253 characters (a DNS-1123 subdomain). */
#define CGROUP_UNIT_NAME_SIZE 254

/* Writes a unit's or slice's folder name as text that may stand in a URL's path and a log: bytes
 * that are not printable ASCII, '%', '/' and blanks become \xNN, as systemd writes them; cut at 253
 * characters. */
void cgroup_name_of_unit(const char *folder, char ret_name[CGROUP_UNIT_NAME_SIZE]);

#endif
