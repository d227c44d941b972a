/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "claim.h"
#include "clock.h"
#include "family.h"
#include "proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

/* How long the lock of a program that has just ended is waited for. */
#define PATIENCE_NS NS_PER_SECOND

/*
 * Who took the lock on that file, by a line of /proc/locks, or of the fdinfo of a process that has it
 * open: "1: FLOCK ADVISORY WRITE PID MAJOR:MINOR:INODE 0 EOF", or READ for a shared lock, which also
 * keeps us out (fs/locks.c, lock_get_status()). 0: the line is of another lock.
 */
static pid_t taker_in(const char *line, const struct stat *file)
{
	unsigned major, minor;
	unsigned long inode;
	int pid;
	return sscanf(line, "%*d: FLOCK ADVISORY %*5[A-Z] %d %x:%x:%lu", &pid, &major, &minor, &inode) == 4 &&
			       makedev(major, minor) == file->st_dev && inode == file->st_ino
		       ? pid
		       : 0;
}

static pid_t taker_of(const struct stat *file)
{
	char line[256];
	pid_t found = 0;
	FILE *locks = fopen("/proc/locks", "re");
	while (locks && !found && fgets(line, sizeof line, locks))
		found = taker_in(line, file);
	if (locks)
		fclose(locks);
	return found;
}

/* Whether a process has the file open with its lock. */
static bool keeps(pid_t pid, const struct stat *file)
{
	static const char key[] = "lock:";
	char path[300], line[256];
	bool found = false;
	snprintf(path, sizeof path, "/proc/%d/fdinfo", pid);
	DIR *descriptors = opendir(path);
	for (struct dirent *entry; descriptors && !found && (entry = readdir(descriptors));) {
		snprintf(path, sizeof path, "/proc/%d/fdinfo/%s", pid, entry->d_name);
		FILE *info = fopen(path, "re");
		while (info && !found && fgets(line, sizeof line, info))
			found = strncmp(line, key, sizeof key - 1) == 0 &&
				taker_in(line + sizeof key - 1, file);
		if (info)
			fclose(info);
	}
	if (descriptors)
		closedir(descriptors);
	return found;
}

struct keeper {		/* of a lock: the processes that have its descriptor */
	pid_t pid;	/* the oldest; 0: none that we may look at */
	uint64_t start; /* of that one */
	bool foreign;	/* one of them is another user's than root's */
};

/* Whether a process is another user's than root's. The real user, the first of four: a setuid program is its caller's. */
static bool is_users(pid_t pid)
{
	char status[4096];
	const char *user =
		read_task(pid, pid, "status", status, sizeof status) ? field_of(status, "Uid") : NULL;
	return user && strtoul(user, NULL, 10) != 0;
}

static struct keeper find_keeper(const struct stat *file)
{
	struct keeper keeper = {0};
	DIR *processes = opendir("/proc");
	for (struct dirent *entry; processes && (entry = readdir(processes));) {
		const pid_t pid = atoi(entry->d_name);
		if (pid <= 0 || !keeps(pid, file))
			continue;
		const uint64_t start = start_of(pid);
		keeper.foreign |= is_users(pid);
		if (!keeper.pid || start < keeper.start) {
			keeper.pid = pid;
			keeper.start = start;
		}
	}
	if (processes)
		closedir(processes);
	return keeper;
}

/*
 * A process that a launched program left behind: it has the mark of the launch, of whose program no more
 * than the number is known. 0: there is none that we may look at.
 */
static pid_t left_by(pid_t launched)
{
	char mark[FAMILY_MARK_SIZE];
	pid_t found = 0;
	DIR *processes = opendir("/proc");
	for (struct dirent *entry; processes && !found && (entry = readdir(processes));) {
		const pid_t pid = atoi(entry->d_name);
		if (pid > 0 && pid != launched && read_mark(pid, mark) == FOUND_VARIABLE &&
		    atoi(mark) == launched)
			found = pid;
	}
	if (processes)
		closedir(processes);
	return found;
}

_Static_assert((int)CLAIM_MAX == (int)CPU_SETSIZE, "one descriptor for each CPU");

/* Whether the process has what isol-exec gives to each program: ISOLCTL_CPUS in its environment. */
static bool is_launched(pid_t pid)
{
	char cpus[2];
	return read_variable(pid, "ISOLCTL_CPUS", cpus, sizeof cpus) == FOUND_VARIABLE;
}

/*
 * Who has the lock: its taker, or when that has ended, what it left behind, else who has the descriptor.
 * The taker has left it to its reporter, which is younger: an older one tells a stranger that got the
 * number.
 */
static void find_owner(struct claim *claim, int fd)
{
	struct stat file;
	if (fstat(fd, &file) < 0)
		return;
	const pid_t taker = taker_of(&file);
	const struct keeper keeper = find_keeper(&file);
	const uint64_t start = taker ? start_of(taker) : 0;
	claim->owner = taker;
	if (!start || (keeper.pid && start > keeper.start))
		claim->owner = taker ? left_by(taker) : 0;
	if (!claim->owner)
		claim->owner = keeper.pid;
	claim->launched = claim->owner && is_launched(claim->owner);
	claim->foreign = keeper.foreign;
}

/* Lock the directory, and try again for a while. Returns 0, or -1 with errno. */
static int lock(int fd, uint64_t until_ns)
{
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EINTR && (errno != EWOULDBLOCK || now_ns() >= until_ns))
			return -1;
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	return 0;
}

int claim_cpus(struct claim *claim, const cpu_set_t *cpus)
{
	if (!claim->until_ns)
		claim->until_ns = now_ns() + PATIENCE_NS;
	for (; claim->cpu < CPU_SETSIZE; claim->cpu++) {
		char path[64];
		if (!CPU_ISSET(claim->cpu, cpus))
			continue;
		snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d", claim->cpu);
		const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -1;
		if (lock(fd, claim->until_ns) < 0) {
			const int error = errno;
			find_owner(claim, fd);
			close(fd);
			errno = error;
			return -1;
		}
		claim->fds[claim->count++] = fd;
	}
	return 0;
}
