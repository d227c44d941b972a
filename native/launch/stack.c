/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stack.h"
#include "read_at.h"

#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	AREAS_MAX = 512,
	CALL_LONGEST = 8,
	/* Of one file: more than a linker writes, and the symbols of the largest programs. */
	SEGMENTS_MAX = 64,
	SECTIONS_MAX = 512,
	SYMBOLS_MAX = 1 << 20,
};

struct area { /* executable memory that a file is behind */
	uint64_t start, end, offset, inode;
	char file[256];
};

struct space {
	pid_t pid;
	struct area areas[AREAS_MAX];
	size_t count;
};

/* A line that is cut off at the end of the text is left out. */
static void find_areas(struct space *space, const char *maps)
{
	const char *end;
	for (; space->count < AREAS_MAX && (end = strchr(maps, '\n')); maps = end + 1) {
		struct area *area = &space->areas[space->count];
		char rights[8];
		*area = (struct area){0};
		const int fields =
			sscanf(maps, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %" SCNu64 "%*[ ]%255[^\n]",
			       &area->start, &area->end, rights, &area->offset, &area->inode, area->file);
		space->count += fields == 6 && rights[2] == 'x' && *area->file == '/';
	}
}

static const struct area *area_of(const struct space *space, uint64_t address)
{
	for (size_t i = 0; i < space->count; i++)
		if (address >= space->areas[i].start && address < space->areas[i].end)
			return &space->areas[i];
	return NULL;
}

/* The address that a place in the file has in its symbols; 0: it is not loaded. */
static uint64_t linked_address(int fd, const Elf64_Ehdr *header, uint64_t offset)
{
	static Elf64_Phdr segments[SEGMENTS_MAX];
	if (header->e_phnum > SEGMENTS_MAX ||
	    !read_at(fd, header->e_phoff, segments, header->e_phnum * sizeof *segments))
		return 0;
	for (size_t i = 0; i < header->e_phnum; i++)
		if (segments[i].p_type == PT_LOAD && offset >= segments[i].p_offset &&
		    offset - segments[i].p_offset < segments[i].p_filesz)
			return offset - segments[i].p_offset + segments[i].p_vaddr;
	return 0;
}

static void read_name_of(int fd, const Elf64_Sym *symbol, const Elf64_Shdr *strings, struct frame *frame)
{
	const uint64_t left = strings->sh_size - symbol->st_name;
	const size_t room = sizeof frame->function - 1, size = left < room ? (size_t)left : room;
	const uint64_t offset = strings->sh_offset + symbol->st_name;
	const ssize_t got = offset <= INT64_MAX ? pread(fd, frame->function, size, (off_t)offset) : 0;
	frame->function[got > 0 ? got : 0] = 0;
}

/* Find the function that contains the frame's in_file in one table of symbols. */
static bool search(int fd, const Elf64_Shdr *section, const Elf64_Shdr *strings, struct frame *frame)
{
	static Elf64_Sym symbols[1024];
	const size_t at_once = sizeof symbols / sizeof *symbols;
	uint64_t count = section->sh_size / sizeof *symbols;
	if (count > SYMBOLS_MAX)
		count = SYMBOLS_MAX;
	for (uint64_t i = 0; i < count; i++) {
		const Elf64_Sym *symbol = &symbols[i % at_once];
		const uint64_t left = count - i;
		if (i % at_once == 0 && !read_at(fd, section->sh_offset + i * sizeof *symbols, symbols,
						 (left < at_once ? left : at_once) * sizeof *symbols))
			return false;
		const unsigned type = ELF64_ST_TYPE(symbol->st_info);
		if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol->st_shndx == SHN_UNDEF ||
		    frame->in_file < symbol->st_value ||
		    frame->in_file - symbol->st_value >= symbol->st_size ||
		    symbol->st_name >= strings->sh_size)
			continue;
		read_name_of(fd, symbol, strings, frame);
		frame->entry = frame->address - (frame->in_file - symbol->st_value);
		return true;
	}
	return false;
}

/* Fill in what an ELF file says of the frame. The full table of symbols comes first. */
static void look_into(int fd, uint64_t offset, struct frame *frame)
{
	static const unsigned types[] = {SHT_SYMTAB, SHT_DYNSYM};
	static Elf64_Shdr sections[SECTIONS_MAX];
	Elf64_Ehdr header;
	if (!read_at(fd, 0, &header, sizeof header) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64)
		return;
	frame->in_file = linked_address(fd, &header, offset);
	if (!frame->in_file || header.e_shnum > SECTIONS_MAX ||
	    !read_at(fd, header.e_shoff, sections, header.e_shnum * sizeof *sections))
		return;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		size_t found = 0; /* the first of each type: a file has one */
		while (found < header.e_shnum && sections[found].sh_type != types[i])
			found++;
		if (found < header.e_shnum && sections[found].sh_link < header.e_shnum &&
		    search(fd, &sections[found], &sections[sections[found].sh_link], frame))
			return;
	}
}

/*
 * Open a file that the process maps, in its own root, which may be that of a container. The path may
 * lead to something else by now: nothing is opened but a regular file with the inode of the mapping
 * (its device differs from that of stat(2) on btrfs). For root, it must belong to root: another user's
 * file system or file is none that root reads unasked. Returns -1: it is not readable in this way.
 */
static int open_mapped(pid_t pid, const struct area *area)
{
	const struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
				     .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS};
	char path[48];
	struct stat file;
	int opened = -1;
	snprintf(path, sizeof path, "/proc/%d/root", pid);
	const int root = open(path, O_PATH | O_CLOEXEC);
	if (root < 0)
		return -1;
	const int found = (int)syscall(SYS_openat2, root, area->file, &how, sizeof how);
	close(root);
	if (found < 0)
		return -1;
	if (fstat(found, &file) == 0 && S_ISREG(file.st_mode) && file.st_ino == area->inode &&
	    (geteuid() != 0 || file.st_uid == 0)) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", found);
		opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	}
	close(found);
	return opened;
}

/* What is known of an address. False: no file is behind it. `back`: 1 for a return address, whose call is before it. */
static bool describe(const struct space *space, uint64_t address, uint64_t back, struct frame *frame)
{
	const struct area *area = area_of(space, address - back);
	*frame = (struct frame){.address = address - back};
	if (!area)
		return false;
	memcpy(frame->file, area->file, sizeof frame->file);
	frame->offset = address - back - area->start + area->offset;
	const int fd = open_mapped(space->pid, area);
	if (fd < 0)
		return true;
	look_into(fd, frame->offset, frame);
	close(fd);
	return true;
}

static size_t read_memory(pid_t pid, uint64_t address, void *to, size_t size)
{
	const struct iovec ours = {to, size}, theirs = {(void *)(uintptr_t)address, size};
	const ssize_t got = process_vm_readv(pid, &ours, 1, &theirs, 1, 0);
	return got < 0 ? 0 : (size_t)got;
}

/* Whether a call instruction ends before this address; *target is where a direct one goes, or 0. */
static bool is_behind_call(pid_t pid, uint64_t address, uint64_t *target)
{
	unsigned char code[CALL_LONGEST];
	int32_t distance;
	*target = 0;
	if (read_memory(pid, address - sizeof code, code, sizeof code) != sizeof code)
		return false;
	if (code[3] == 0xe8) {
		memcpy(&distance, code + 4, sizeof distance);
		*target = address + (uint64_t)(int64_t)distance;
		return true;
	}
	/* ff /2, with a register, an offset of 8 bits, or of 32 bits (Intel's manual, volume 2, "CALL") */
	return (code[6] == 0xff && (code[7] & 0xf8) == 0xd0) ||
	       (code[5] == 0xff && (code[6] & 0xf8) == 0x50) ||
	       (code[2] == 0xff && ((code[3] & 0xf8) == 0x90 || code[3] == 0x15));
}

static void read_maps(struct stack *stack)
{
	char path[32];
	size_t length = 0;
	snprintf(path, sizeof path, "/proc/%d/maps", stack->pid);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	for (ssize_t got; fd >= 0 && length < sizeof stack->maps - 1 &&
			  (got = read(fd, stack->maps + length, sizeof stack->maps - 1 - length)) > 0;)
		length += (size_t)got;
	stack->maps[length] = 0;
	if (fd >= 0)
		close(fd);
}

void copy_stack(struct stack *stack, pid_t pid, uint64_t instruction, uint64_t pointer)
{
	size_t bytes = 0;
	stack->pid = pid;
	stack->instruction = instruction;
	/* In pages: the stack may end before. */
	for (size_t got; bytes < sizeof stack->words; bytes += got) {
		size_t size = 4096 - (pointer + bytes) % 4096;
		if (size > sizeof stack->words - bytes)
			size = sizeof stack->words - bytes;
		got = read_memory(pid, pointer + bytes, (char *)stack->words + bytes, size);
		if (got == 0)
			break;
	}
	stack->count = bytes / sizeof *stack->words;
	read_maps(stack);
}

size_t find_frames(const struct stack *stack, struct frame frames[FRAMES_MAX])
{
	static struct space space;
	size_t count = 0, inner = 0;
	space = (struct space){.pid = stack->pid};
	find_areas(&space, stack->maps);
	describe(&space, stack->instruction, 0, &frames[count]);
	frames[count++].certain = true;
	for (size_t i = 0; i < stack->count && count < FRAMES_MAX; i++) {
		const uint64_t word = stack->words[i];
		uint64_t target;
		struct frame *frame = &frames[count];
		if (!area_of(&space, word) || !is_behind_call(stack->pid, word, &target) ||
		    !describe(&space, word, 1, frame))
			continue;
		/* A function that makes a call itself, as most of libc do, has nothing below its return address. */
		frame->certain = i == 0 || (target && target == frames[inner].entry);
		if (frame->certain)
			inner = count;
		count++;
	}
	return count;
}
