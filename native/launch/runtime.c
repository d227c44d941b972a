/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "runtime.h"
#include "read_at.h"

#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The largest command line and environment that is looked at. More is taken as without the setting. */
enum { WORDS_SIZE = 256 << 10 };

/* Whether a word of /proc/PID/NAME, each ended by NUL, contains the setting. */
static bool has_word(pid_t pid, const char *name, const char *setting)
{
	char path[32];
	bool found = false;
	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *words = fd < 0 ? NULL : malloc(WORDS_SIZE);
	size_t length = 0;
	for (ssize_t got;
	     words && length < WORDS_SIZE && (got = read(fd, words + length, WORDS_SIZE - length)) > 0;)
		length += (size_t)got;
	if (words)
		found = memmem(words, length, setting, strlen(setting));
	free(words);
	if (fd >= 0)
		close(fd);
	return found;
}

static bool is_set(pid_t pid, const char *setting)
{
	return has_word(pid, "environ", setting) || has_word(pid, "cmdline", setting);
}

static bool maps_file(pid_t pid, const char *name)
{
	char path[32], line[512];
	bool found = false;
	snprintf(path, sizeof path, "/proc/%d/maps", pid);
	FILE *maps = fopen(path, "re");
	while (maps && !found && fgets(line, sizeof line, maps))
		found = strstr(line, name);
	if (maps)
		fclose(maps);
	return found;
}

/* Whether a segment of notes has one of this owner. Notes are padded to 4 bytes (elf(5)). */
static bool has_owner(const unsigned char *notes, size_t size, const char *owner)
{
	const size_t name_size = strlen(owner) + 1;
	Elf64_Nhdr note;
	for (uint64_t at = 0; at <= size && size - at >= sizeof note;) {
		memcpy(&note, notes + at, sizeof note);
		at += sizeof note;
		if (note.n_namesz == name_size && size - at >= name_size &&
		    memcmp(notes + at, owner, name_size) == 0)
			return true;
		at += (((uint64_t)note.n_namesz + 3) & ~3ULL) + (((uint64_t)note.n_descsz + 3) & ~3ULL);
	}
	return false;
}

/* Go's linker gives each program a note of this owner: src/cmd/link/internal/ld/elf.go, src/launch/hints.ts. */
static bool has_go_note(int fd)
{
	enum { SEGMENTS_MAX = 64, NOTES_SIZE = 64 << 10 };
	static Elf64_Phdr segments[SEGMENTS_MAX];
	static unsigned char notes[NOTES_SIZE];
	Elf64_Ehdr header;
	if (!read_at(fd, 0, &header, sizeof header) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_phnum > SEGMENTS_MAX ||
	    !read_at(fd, header.e_phoff, segments, header.e_phnum * sizeof *segments))
		return false;
	for (size_t i = 0; i < header.e_phnum; i++) {
		if (segments[i].p_type != PT_NOTE)
			continue;
		const size_t size = segments[i].p_filesz < NOTES_SIZE ? segments[i].p_filesz : NOTES_SIZE;
		if (read_at(fd, segments[i].p_offset, notes, size) && has_owner(notes, size, "Go"))
			return true;
	}
	return false;
}

static bool is_go(pid_t pid)
{
	char path[32];
	snprintf(path, sizeof path, "/proc/%d/exe", pid);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const bool found = fd >= 0 && has_go_note(fd);
	if (fd >= 0)
		close(fd);
	return found;
}

const char *find_runtime(pid_t pid)
{
	if (is_go(pid) && !is_set(pid, "asyncpreemptoff=1"))
		return "is a Go program, whose runtime interrupts its own threads "
		       "without GODEBUG=asyncpreemptoff=1 (--runtime-hints)";
	if (maps_file(pid, "/libjvm.so") && !is_set(pid, "UseEpsilonGC"))
		return "runs in a Java VM, which interrupts its own threads "
		       "without -XX:+UseEpsilonGC (--runtime-hints)";
	return "";
}
