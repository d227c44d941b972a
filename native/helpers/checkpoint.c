/* SPDX-License-Identifier: MIT */
/*
 * isol-checkpoint PATH: write what the file system of PATH keeps in its journal to where it
 * belongs.
 *
 * A boot loader reads a file system as it lies on the disk, and replays no journal. After fsync(2)
 * a power cut loses nothing, but GRUB may still see the directory as it was, while the blocks of a
 * replaced file already belong to another. EXT4_IOC_CHECKPOINT (Linux 5.14,
 * Documentation/filesystems/ext4/journal.rst) leaves the journal empty.
 *
 * A file system without such a call, or without a journal, has nothing to write: that is no error.
 * Prints the name of the errno and exits 1 when the kernel refuses, exits 2 on bad arguments.
 */
#define _GNU_SOURCE
#include "refuse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <stdio.h>
#include <sys/ioctl.h>

#ifndef EXT4_IOC_CHECKPOINT
#define EXT4_IOC_CHECKPOINT _IOW('f', 43, __u32)
#endif

int main(int argc, char **argv)
{
	__u32 flags = 0;
	if (argc != 2) {
		fputs("usage: isol-checkpoint PATH\n", stderr);
		return 2;
	}
	int file = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return refuse(errno);
	if (ioctl(file, EXT4_IOC_CHECKPOINT, &flags) == 0 || errno == ENOTTY || errno == ENODEV ||
	    errno == EOPNOTSUPP)
		return 0;
	return refuse(errno);
}
