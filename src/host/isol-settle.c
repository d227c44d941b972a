// SPDX-License-Identifier: MIT
/*
 * isol-settle PATH: what the file system of PATH keeps in its journal is written where it belongs.
 *
 * A boot loader reads a file system as it lies on the disk, and replays no journal: after fsync(2) a power cut loses
 * nothing, and GRUB may still see the directory as it was, with the blocks of a replaced file already in use for
 * another. EXT4_IOC_CHECKPOINT (Linux 5.14, Documentation/filesystems/ext4/journal.rst) leaves the journal empty.
 * Nothing to do, and no error, where a file system has no such call or no journal. Prints the name of the errno and
 * exits 1 when the kernel refuses, 2 on bad arguments.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#ifndef EXT4_IOC_CHECKPOINT
#define EXT4_IOC_CHECKPOINT _IOW('f', 43, __u32)
#endif

int main(int argc, char **argv)
{
	__u32 flags = 0;
	int file;

	if (argc != 2) {
		fputs("usage: isol-settle PATH\n", stderr);
		return 2;
	}
	file = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (file >= 0 && (!ioctl(file, EXT4_IOC_CHECKPOINT, &flags) ||
			  errno == ENOTTY || errno == ENODEV || errno == EOPNOTSUPP))
		return 0;
	fprintf(stderr, "%s\n", strerrorname_np(errno) ?: "EIO");
	return 1;
}
