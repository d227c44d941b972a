/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int notify(const char *address, pid_t pid, const char *text)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct iovec data = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control = {0};
	const struct ucred credentials = {.pid = pid, .uid = getuid(), .gid = getgid()};
	size_t length = strlen(address);
	if ((*address != '/' && *address != '@') || length >= sizeof to.sun_path) {
		errno = EINVAL;
		return -1;
	}
	memcpy(to.sun_path, address, length);
	if (*address == '@')
		*to.sun_path = 0;
	struct msghdr message = {
		.msg_name = &to,
		.msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length),
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control,
	};
	control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
					  .cmsg_type = SCM_CREDENTIALS,
					  .cmsg_len = CMSG_LEN(sizeof credentials)};
	memcpy(CMSG_DATA(&control.header), &credentials, sizeof credentials);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
	if (sent < 0 && errno == EPERM) {
		message.msg_control = NULL;
		message.msg_controllen = 0;
		sent = sendmsg(fd, &message, MSG_NOSIGNAL);
	}
	int error = errno;
	close(fd);
	errno = error;
	return sent < 0 ? -1 : 0;
}
