/* SPDX-License-Identifier: MIT */
/* The file that is going to be executed, and what can be seen of it beforehand. */
#ifndef ISOL_PROGRAM_H
#define ISOL_PROGRAM_H

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ISOL_MACHINE EM_X86_64
#define ISOL_NARROW_MACHINE EM_386
#elif defined(__aarch64__)
#define ISOL_MACHINE EM_AARCH64
#define ISOL_NARROW_MACHINE EM_ARM
#else
#define ISOL_MACHINE EM_NONE
#define ISOL_NARROW_MACHINE EM_NONE
#endif

/* Find it by the rules of execvp(3). Returns 0 with the path, or an errno: what exec would say. */
static int find_program(const char *name, char *path, size_t size)
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
		snprintf(path, size, "%.*s%s%s", (int)length, folders ? folders : "", length ? "/" : "", name);
		if (stat(path, &file) < 0) {
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

struct program {
	bool privileged; /* exec changes who it runs as: setuid, setgid, file capabilities */
	bool foreign;    /* an ELF file for another machine */
	bool narrow;     /* an ELF file of 32-bit code, which this machine can execute */
};

/* What cannot be read is none of these; exec will tell. A script is none either: its interpreter is not looked at. */
static struct program look_at_program(const char *path)
{
	struct program program = {0};
	struct stat file;
	Elf64_Ehdr header; /* what is read of it lies at the same place in an Elf32_Ehdr */
	program.privileged =
		(stat(path, &file) == 0 && (file.st_mode & S_ISUID || (file.st_mode & S_ISGID && file.st_mode & S_IXGRP))) ||
		getxattr(path, "security.capability", NULL, 0) > 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return program;
	bool elf = read(fd, &header, sizeof header) >= (ssize_t)sizeof(Elf32_Ehdr) && memcmp(header.e_ident, ELFMAG, SELFMAG) == 0;
	close(fd);
	if (!elf || ISOL_MACHINE == EM_NONE)
		return program;
	bool little = header.e_ident[EI_DATA] == ELFDATA2LSB;
	program.narrow = little && (header.e_machine == ISOL_NARROW_MACHINE ||
				    (header.e_machine == ISOL_MACHINE && header.e_ident[EI_CLASS] == ELFCLASS32));
	program.foreign = !little || (header.e_machine != ISOL_MACHINE && header.e_machine != ISOL_NARROW_MACHINE);
	return program;
}

#endif
