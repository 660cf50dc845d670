#include "agent/held_files.h"

#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Descriptors that are left to the rest of the process: some 60 of BPF programs, sockets, folders,
 * the log. Of a limit that has not twice as many, this share may be held. */
#define LEFT_OVER   112
#define SMALL_SHARE 8
/* What is given back when the kernel says that there are no more. */
#define GIVE_BACK   16

struct held_files {
	int v2, memory_v1;               /* the mount points; -1 = none */
	int folder_v2, folder_memory_v1; /* of the cgroup that is being read; -1 = not open */
	const struct field_file *files;
	size_t file_count;
	int *fds; /* [slot * file_count + file]; -1 = not held */
	uint32_t slots;
	uint32_t held, limit;
	bool said_short;
	struct telemetry_series *reopened, *open_files;
};

/* Raises the soft limit as far as it goes; returns how many files may be held. */
static uint32_t raise_limit(void)
{
	struct rlimit limit;
	rlim_t soft;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return LEFT_OVER;
	soft = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	if (soft < limit.rlim_max && setrlimit(RLIMIT_NOFILE, &limit) < 0)
		limit.rlim_cur = soft;
	if (limit.rlim_cur < (rlim_t)2 * LEFT_OVER)
		return (uint32_t)limit.rlim_cur / SMALL_SHARE;
	limit.rlim_cur -= LEFT_OVER;
	return limit.rlim_cur < UINT32_MAX ? (uint32_t)limit.rlim_cur : UINT32_MAX;
}

static int open_mount(const char *path, int *ret_fd, struct error *err)
{
	*ret_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? error_errno(err, errno, "opening %s", path) : 0;
}

struct held_files *held_files_new(const struct hierarchy *hierarchy, const struct field_file *files,
	size_t count, struct telemetry *telemetry, struct error *err)
{
	struct held_files *held = calloc(1, sizeof(*held));

	if (!held) {
		error_errno(err, ENOMEM, "making room for open files");
		return NULL;
	}
	held->v2 = held->memory_v1 = held->folder_v2 = held->folder_memory_v1 = -1;
	held->files = files;
	held->file_count = count;
	if (open_mount(hierarchy->v2, &held->v2, err) < 0 ||
		(hierarchy_is_hybrid(hierarchy) &&
			open_mount(hierarchy->memory_v1, &held->memory_v1, err) < 0)) {
		held_files_free(held);
		return NULL;
	}
	held->limit = raise_limit();
	held->reopened = telemetry_counter(telemetry, "tacho_agent_files_reopened_total",
		"Cgroup files that were opened for one reading, for want of file descriptors", NULL,
		NULL);
	held->open_files = telemetry_gauge(telemetry, "tacho_agent_open_cgroup_files",
		"Cgroup files that are held open", NULL, NULL);
	return held;
}

void held_files_free(struct held_files *held)
{
	if (!held)
		return;
	held_files_drop_all(held);
	held_files_leave(held);
	file_close(&held->v2);
	file_close(&held->memory_v1);
	free(held->fds);
	free(held);
}

int held_files_reserve(struct held_files *held, uint32_t slots)
{
	int *fds;

	if (slots <= held->slots || held->file_count == 0)
		return 0;
	fds = reallocarray(held->fds, slots, held->file_count * sizeof(*fds));
	if (!fds)
		return -ENOMEM;
	for (size_t i = held->slots * held->file_count; i < slots * held->file_count; i++)
		fds[i] = -1;
	held->fds = fds;
	held->slots = slots;
	return 0;
}

static int *place_of(struct held_files *held, uint32_t slot, size_t file)
{
	return &held->fds[slot * held->file_count + file];
}

static void set_held(struct held_files *held, uint32_t count)
{
	held->held = count;
	telemetry_set(held->open_files, count);
}

static void drop(struct held_files *held, int *fd)
{
	if (*fd < 0)
		return;
	(void)close(*fd);
	*fd = -1;
	set_held(held, held->held - 1);
}

void held_files_drop(struct held_files *held, const struct cgroup *cgroup, size_t file)
{
	drop(held, place_of(held, cgroup->slot, file));
}

void held_files_drop_cgroup(struct held_files *held, uint32_t slot)
{
	for (size_t i = 0; slot < held->slots && i < held->file_count; i++)
		drop(held, place_of(held, slot, i));
}

void held_files_drop_all(struct held_files *held)
{
	for (uint32_t slot = 0; slot < held->slots; slot++)
		held_files_drop_cgroup(held, slot);
}

/* The process ran out of descriptors: gives some back, for others need them too, and holds no more
 * than what is left. */
static void hold_fewer(struct held_files *held)
{
	held->limit = held->held > GIVE_BACK ? held->held - GIVE_BACK : 0;
	for (uint32_t slot = held->slots; slot-- > 0 && held->held > held->limit;)
		held_files_drop_cgroup(held, slot);
}

static int open_at(struct held_files *held, int folder, const char *name, int flags)
{
	int fd = openat(folder, name, flags | O_RDONLY | O_CLOEXEC);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
		hold_fewer(held);
		fd = openat(folder, name, flags | O_RDONLY | O_CLOEXEC);
	}
	return fd < 0 ? -errno : fd;
}

/* Opens the cgroup's folder in one of the two hierarchies. In v2 the inode tells whether it is
 * still the same cgroup: a unit that was restarted has a new one at the old path. */
static int open_folder(struct held_files *held, bool memory_v1, const struct cgroup *cgroup)
{
	const char *path = cgroup->path;
	struct stat status;
	int fd;

	while (*path == '/')
		path++;
	fd = open_at(held, memory_v1 ? held->memory_v1 : held->v2, *path ? path : ".",
		O_PATH | O_DIRECTORY);
	if (fd < 0 || memory_v1)
		return fd;
	if (fstat(fd, &status) == 0 && status.st_ino == cgroup->id)
		return fd;
	(void)close(fd);
	return -ENOENT;
}

bool held_files_cgroup_exists(struct held_files *held, const struct cgroup *cgroup)
{
	int fd CLOSE_FD = open_folder(held, false, cgroup);

	return fd != -ENOENT;
}

static void say_short(struct held_files *held)
{
	telemetry_add(held->reopened, 1);
	if (!held->said_short)
		log_warn("%u cgroup files are held open, and more would leave too few file "
			 "descriptors to the rest: the others are opened for each reading, which "
			 "costs twice the CPU; said once, counted in "
			 "tacho_agent_files_reopened_total",
			held->held);
	held->said_short = true;
}

int held_files_get(struct held_files *held, const struct cgroup *cgroup, size_t file)
{
	bool memory_v1 = held->files[file].memory_v1;
	int *folder = memory_v1 ? &held->folder_memory_v1 : &held->folder_v2;
	int *place = place_of(held, cgroup->slot, file), fd;

	if (*place >= 0)
		return *place;
	if (*folder < 0)
		*folder = open_folder(held, memory_v1, cgroup);
	if (*folder < 0)
		return *folder;
	fd = open_at(held, *folder, held->files[file].name, 0);
	if (fd < 0)
		return fd;
	if (held->held >= held->limit) {
		say_short(held);
		return fd;
	}
	*place = fd;
	set_held(held, held->held + 1);
	return fd;
}

void held_files_put(struct held_files *held, const struct cgroup *cgroup, size_t file, int fd)
{
	if (*place_of(held, cgroup->slot, file) != fd)
		(void)close(fd);
}

void held_files_leave(struct held_files *held)
{
	file_close(&held->folder_v2);
	file_close(&held->folder_memory_v1);
	held->folder_v2 = held->folder_memory_v1 = -1;
}
