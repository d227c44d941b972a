/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stack.h"

#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { AREAS_MAX = 512, WORDS_MAX = 2048 /* of the stack, 16 KiB */, CALL_LONGEST = 8 };

struct area { /* executable memory that a file is behind */
	uint64_t start, end, offset;
	char file[256];
};

struct space {
	pid_t pid;
	struct area areas[AREAS_MAX];
	size_t count;
};

static void read_areas(struct space *space)
{
	char path[32], line[512], rights[8];
	snprintf(path, sizeof path, "/proc/%d/maps", space->pid);
	FILE *maps = fopen(path, "re");
	while (maps && space->count < AREAS_MAX && fgets(line, sizeof line, maps)) {
		struct area *area = &space->areas[space->count];
		*area = (struct area){0};
		const int fields = sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s %255[^\n]",
					  &area->start, &area->end, rights, &area->offset, area->file);
		space->count += fields == 5 && rights[2] == 'x' && *area->file == '/';
	}
	if (maps)
		fclose(maps);
}

static const struct area *area_of(const struct space *space, uint64_t address)
{
	for (size_t i = 0; i < space->count; i++)
		if (address >= space->areas[i].start && address < space->areas[i].end)
			return &space->areas[i];
	return NULL;
}

struct image { /* a file in memory */
	const unsigned char *bytes;
	size_t size;
};

/* `count` entries of a table in the file, or NULL: they are not all in it. */
static const void *table(const struct image *image, uint64_t offset, uint64_t count, size_t entry)
{
	return offset <= image->size && count <= (image->size - offset) / entry && offset % 8 == 0
		       ? image->bytes + offset
		       : NULL;
}

/* The address that a place in the file has in its symbols; 0: it is not loaded. */
static uint64_t linked_address(const struct image *image, const Elf64_Ehdr *header, uint64_t offset)
{
	const Elf64_Phdr *segments = table(image, header->e_phoff, header->e_phnum, sizeof *segments);
	for (size_t i = 0; segments && i < header->e_phnum; i++)
		if (segments[i].p_type == PT_LOAD && offset >= segments[i].p_offset &&
		    offset - segments[i].p_offset < segments[i].p_filesz)
			return offset - segments[i].p_offset + segments[i].p_vaddr;
	return 0;
}

/* Find the function that contains the frame's in_file in one table of symbols. */
static bool search(const struct image *image, const Elf64_Shdr *section, const Elf64_Shdr *strings,
		   struct frame *frame)
{
	const size_t count = section->sh_size / sizeof(Elf64_Sym);
	const Elf64_Sym *symbols = table(image, section->sh_offset, count, sizeof *symbols);
	if (strings->sh_offset > image->size || strings->sh_size > image->size - strings->sh_offset)
		return false;
	const char *names = (const char *)image->bytes + strings->sh_offset;
	for (size_t i = 0; symbols && i < count; i++) {
		const Elf64_Sym *symbol = &symbols[i];
		const unsigned type = ELF64_ST_TYPE(symbol->st_info);
		if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol->st_shndx == SHN_UNDEF ||
		    frame->in_file < symbol->st_value ||
		    frame->in_file - symbol->st_value >= symbol->st_size ||
		    symbol->st_name >= strings->sh_size)
			continue;
		snprintf(frame->function, sizeof frame->function, "%.*s",
			 (int)(strings->sh_size - symbol->st_name), names + symbol->st_name);
		frame->entry = frame->address - (frame->in_file - symbol->st_value);
		frame->end = frame->entry + symbol->st_size;
		return true;
	}
	return false;
}

/* Fill in what an ELF file says of the frame. The full table of symbols comes first. */
static void look_into(const struct image *image, uint64_t offset, struct frame *frame)
{
	const Elf64_Ehdr *header = table(image, 0, 1, sizeof *header);
	if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
	    header->e_ident[EI_CLASS] != ELFCLASS64)
		return;
	frame->in_file = linked_address(image, header, offset);
	const Elf64_Shdr *sections = table(image, header->e_shoff, header->e_shnum, sizeof *sections);
	for (size_t pass = 0; sections && frame->in_file && pass < 2; pass++)
		for (size_t i = 0; i < header->e_shnum; i++)
			if (sections[i].sh_type == (pass == 0 ? SHT_SYMTAB : SHT_DYNSYM) &&
			    sections[i].sh_link < header->e_shnum &&
			    search(image, &sections[i], &sections[sections[i].sh_link], frame))
				return;
}

/* What is known of an address. False: no file is behind it. `back`: 1 for a return address, whose call is before it. */
static bool describe(const struct space *space, uint64_t address, uint64_t back, struct frame *frame)
{
	const struct area *area = area_of(space, address - back);
	char path[320];
	struct stat status;
	*frame = (struct frame){.address = address - back};
	if (!area)
		return false;
	memcpy(frame->file, area->file, sizeof frame->file);
	/* As the process sees it, which may be in a container. */
	snprintf(path, sizeof path, "/proc/%d/root%s", space->pid, area->file);
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return true;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
		void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes != MAP_FAILED) {
			look_into(&(struct image){bytes, (size_t)status.st_size},
				  address - back - area->start + area->offset, frame);
			munmap(bytes, (size_t)status.st_size);
		}
	}
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

size_t find_frames(pid_t pid, uint64_t instruction, uint64_t stack, struct frame frames[FRAMES_MAX])
{
	static struct space space;
	static uint64_t words[WORDS_MAX];
	size_t count = 0, inner = 0;
	space = (struct space){.pid = pid};
	read_areas(&space);
	if (!describe(&space, instruction, 0, &frames[count]))
		frames[count].address = instruction;
	frames[count++].certain = true;
	/* In pages: the stack may end before. */
	size_t bytes = 0;
	for (size_t got; bytes < sizeof words; bytes += got) {
		size_t size = 4096 - (stack + bytes) % 4096;
		if (size > sizeof words - bytes)
			size = sizeof words - bytes;
		got = read_memory(pid, stack + bytes, (char *)words + bytes, size);
		if (got == 0)
			break;
	}
	for (size_t i = 0; i < bytes / sizeof *words && count < FRAMES_MAX; i++) {
		uint64_t target;
		struct frame *frame = &frames[count];
		if (!area_of(&space, words[i]) || !is_behind_call(pid, words[i], &target) ||
		    !describe(&space, words[i], 1, frame))
			continue;
		/* A function that makes a call itself, as most of libc do, has nothing below its return address. */
		frame->certain = i == 0 || (target && target == frames[inner].entry);
		if (frame->certain)
			inner = count;
		count++;
	}
	return count;
}
