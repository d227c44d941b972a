/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#define NARROW_MACHINE EM_386
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#define NARROW_MACHINE EM_ARM
#else
#define MACHINE EM_NONE
#define NARROW_MACHINE EM_NONE
#endif

int find_program(const char *name, char *path, size_t size)
{
	const char *folders = getenv("PATH");
	struct stat file;
	int error = ENOENT;
	if (!*name || strchr(name, '/'))
		folders = NULL;
	else if (!folders)
		folders = "/bin:/usr/bin";
	do {
		size_t length = folders ? strcspn(folders, ":") : 0;
		const int needed = snprintf(path, size, "%.*s%s%s", (int)length, folders ? folders : "",
					    length ? "/" : "", name);
		if (needed < 0 || (size_t)needed >= size) {
			error = ENAMETOOLONG; /* a shortened path would name another file */
		} else if (stat(path, &file) < 0) {
			if (errno != ENOENT && errno != ENOTDIR)
				error = errno;
		} else if (!S_ISREG(file.st_mode)) {
			error = S_ISDIR(file.st_mode) ? EISDIR : EACCES;
		} else if (access(path, X_OK) < 0) {
			error = errno;
		} else {
			return 0;
		}
		folders = folders && folders[length] ? folders + length + 1 : NULL;
	} while (folders);
	return error;
}

struct program look_at_program(const char *path)
{
	struct program program = {0};
	struct stat file;
	Elf64_Ehdr header; /* the fields that are read lie at the same place in an Elf32_Ehdr */
	program.privileged =
		(stat(path, &file) == 0 &&
		 (file.st_mode & S_ISUID || (file.st_mode & S_ISGID && file.st_mode & S_IXGRP))) ||
		getxattr(path, "security.capability", NULL, 0) > 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return program;
	bool elf = read(fd, &header, sizeof header) >= (ssize_t)sizeof(Elf32_Ehdr) &&
		   memcmp(header.e_ident, ELFMAG, SELFMAG) == 0;
	close(fd);
	if (!elf || MACHINE == EM_NONE)
		return program;
	bool little = header.e_ident[EI_DATA] == ELFDATA2LSB;
	program.narrow = little && (header.e_machine == NARROW_MACHINE ||
				    (header.e_machine == MACHINE && header.e_ident[EI_CLASS] == ELFCLASS32));
	program.foreign = !little || (header.e_machine != MACHINE && header.e_machine != NARROW_MACHINE);
	return program;
}
