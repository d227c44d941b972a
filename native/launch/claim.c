/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/*
 * Who holds the lock on that file, or 0: a line of /proc/locks is "1: FLOCK ADVISORY WRITE PID
 * MAJOR:MINOR:INODE 0 EOF" (fs/locks.c, lock_get_status()).
 */
static pid_t holder_of(const struct stat *file)
{
	char line[256];
	pid_t found = 0;
	FILE *locks = fopen("/proc/locks", "re");
	while (locks && !found && fgets(line, sizeof line, locks)) {
		unsigned major, minor;
		unsigned long inode;
		int pid;
		if (sscanf(line, "%*d: FLOCK ADVISORY WRITE %d %x:%x:%lu", &pid, &major, &minor, &inode) ==
			    4 &&
		    makedev(major, minor) == file->st_dev && inode == file->st_ino)
			found = pid;
	}
	if (locks)
		fclose(locks);
	return found;
}

_Static_assert((int)CLAIM_MAX == (int)CPU_SETSIZE, "one descriptor for each CPU");

int claim_cpus(struct claim *claim, const cpu_set_t *cpus)
{
	claim->count = 0;
	claim->owner = 0;
	claim->cpu = -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		char path[64];
		struct stat file;
		if (!CPU_ISSET(cpu, cpus))
			continue;
		snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d", cpu);
		const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		claim->cpu = cpu;
		if (fd < 0)
			return -1;
		claim->fds[claim->count++] = fd;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			const int error = errno;
			if (error == EWOULDBLOCK && fstat(fd, &file) == 0)
				claim->owner = holder_of(&file);
			errno = error;
			return -1;
		}
	}
	claim->cpu = -1;
	return 0;
}
