/* What stands in the label `device` of what io.stat counts: the node's disks, for it is their sum.
 */
#ifndef AGENT_EXPORT_DEVICE_H
#define AGENT_EXPORT_DEVICE_H

#define EXPORT_DEVICE_SIZE 64

/* "/dev/sda", of several "/dev/sda+sdb", in order and cut after a whole name; "all" when there are
 * none. Those that stand for others (loop, dm, md, ram, zram, sr) are none. `folder` is
 * "/sys/block" but in tests. Returns `ret_device`. */
const char *export_device(const char *folder, char ret_device[EXPORT_DEVICE_SIZE]);

#endif
