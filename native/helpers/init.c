/* SPDX-License-Identifier: MIT */
/*
 * PID 1 of the lab machine: makes the host's tree its root, runs one command, and reports to the
 * host how it ended.
 *
 * What to run is in the initramfs, next to us (src/lab/machine.ts writes it):
 *   /job/argv, /job/env   strings, each ended by a zero byte
 *   /job/cwd              one string
 *   /job/stdin            "null", "pipe" or "tty"
 *
 * Three virtio-serial ports lead to the host:
 *   isolctl.stdout, isolctl.stderr   the command's output, as it comes
 *   isolctl.control                  to the host, one line each: "up", then
 *                                    "exited CODE OUT ERR" or "killed SIGNAL OUT ERR", with the
 *                                    bytes sent on the other two ports; from the host, standard
 *                                    input: frames of a 32-bit little-endian length and that many
 *                                    bytes. The frame of length 0 is its end
 *
 * The command talks to pipes, not to the ports: a port can be opened only once, so "echo
 * >/dev/stderr" would fail. When the host goes away, the machine powers off.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

enum { EXIT_CANNOT_RUN = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

static const char overlay[] = "lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work";
static const char plan9[] = "version=9p2000.L,trans=virtio,access=any,msize=512000,cache=loose";

/* The console, where src/lab/run.ts finds the line that starts with our name. */
static void complain(const char *format, va_list args)
{
	int error = errno;

	fprintf(stderr, "isol-init: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, ": %s\n", strerror(error));
	fflush(stderr);
}

__attribute__((format(printf, 1, 2))) static void warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
}

/* QEMU runs with -no-reboot: this ends it, also where ACPI power-off does not. */
static _Noreturn void stop_machine(void)
{
	sync();
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

__attribute__((format(printf, 1, 2))) static _Noreturn void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
	stop_machine();
}

static void *allocate(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		die("cannot allocate %zu bytes", size);
	return memory;
}

/* --- the job --------------------------------------------------------------------------------- */

static char *read_file(const char *path, size_t *size)
{
	struct stat stat;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &stat))
		die("cannot read %s", path);
	char *text = allocate(stat.st_size + 1);

	for (*size = 0; *size < (size_t)stat.st_size;) {
		ssize_t got = read(fd, text + *size, stat.st_size - *size);

		if (got <= 0)
			die("cannot read %s", path);
		*size += got;
	}
	close(fd);
	return text;
}

/* Zero-ended strings in a row, as a NULL-ended vector. */
static char **read_vector(const char *path)
{
	size_t size, count = 0;
	char *text = read_file(path, &size);

	for (size_t at = 0; at < size; at++)
		count += text[at] == '\0';
	if (count == 0) {
		free(text);
		text = NULL;
	}
	char **vector = allocate((count + 1) * sizeof(*vector));

	for (size_t at = 0, n = 0; n < count; at += strlen(text + at) + 1)
		vector[n++] = text + at;
	return vector;
}

struct job {
	char **argv;
	char **env;
	char *cwd;
	char *stdin_kind;
};

static struct job read_job(void)
{
	size_t size;

	return (struct job){
		.argv = read_vector("/job/argv"),
		.env = read_vector("/job/env"),
		.cwd = read_file("/job/cwd", &size),
		.stdin_kind = read_file("/job/stdin", &size),
	};
}

/* --- the machine ----------------------------------------------------------------------------- */

static void must_mount(const char *source, const char *target, const char *type, unsigned long flags,
		       const char *data)
{
	mkdir(target, 0755);
	if (mount(source, target, type, flags, data))
		die("cannot mount %s on %s", type, target);
}

/* A kernel of another flavour may lack this: then the console says so, and it is left out. */
static void may_mount(const char *type, const char *target, unsigned long flags, const char *data)
{
	mkdir(target, 0755);
	if (mount(type, target, type, flags, data))
		warning("cannot mount %s on %s", type, target);
}

/* Hide state of the host, which the lab machine must not take for its own. */
static void cover(const char *path)
{
	if (access(path, F_OK) == 0)
		must_mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
}

/* The host's tree, read-only over 9p, below a layer in memory that takes every write. */
static void enter_root(void)
{
	must_mount("host", "/lower", "9p", MS_RDONLY, plan9);
	must_mount("tmpfs", "/upper", "tmpfs", 0, "mode=0755");
	mkdir("/upper/files", 0755);
	mkdir("/upper/work", 0755);
	must_mount("overlay", "/root", "overlay", 0, overlay);
	if (chdir("/root") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		die("cannot enter the new root");
	must_mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755");
	must_mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	must_mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	must_mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
	must_mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
	mkdir("/run/lock", 01777);
	cover("/var/lib/isolctl");
	cover("/etc/isolctl");
	may_mount("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=0620,ptmxmode=0666");
	may_mount("mqueue", "/dev/mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	may_mount("hugetlbfs", "/dev/hugepages", MS_NOSUID | MS_NODEV, "mode=1770");
	may_mount("cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	may_mount("debugfs", "/sys/kernel/debug", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	may_mount("tracefs", "/sys/kernel/tracing", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	static const char *const links[][2] = {{"/proc/self/fd", "/dev/fd"},
					       {"/proc/self/fd/0", "/dev/stdin"},
					       {"/proc/self/fd/1", "/dev/stdout"},
					       {"/proc/self/fd/2", "/dev/stderr"}};

	for (size_t n = 0; n < ARRAY_SIZE(links); n++)
		if (symlink(links[n][0], links[n][1]) && errno != EEXIST)
			warning("cannot make %s", links[n][1]);
}

static void set_up_machine(void)
{
	/*
	 * What systemd gives a service: the kernel's own 1024/4096 is not what programs expect to
	 * meet.
	 */
	struct rlimit files = {.rlim_cur = 1024, .rlim_max = 524288};
	struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &loopback))
		warning("cannot bring up lo");
	close(fd);
	if (sethostname("lab", 3))
		warning("cannot set the host name");
	if (setrlimit(RLIMIT_NOFILE, &files))
		warning("cannot set the limit of open files");
	umask(022);
}

/* --- ports ----------------------------------------------------------------------------------- */

static int open_port_once(const char *name)
{
	DIR *ports = opendir("/sys/class/virtio-ports");
	struct dirent *entry;
	int found = -1;

	while (ports && found < 0 && (entry = readdir(ports))) {
		char path[300], text[64] = "";

		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			continue;
		if (read(fd, text, sizeof(text) - 1) < 0)
			text[0] = '\0';
		close(fd);
		text[strcspn(text, "\n")] = '\0';
		if (strcmp(text, name))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		found = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	}
	if (ports)
		closedir(ports);
	return found;
}

/* Ports get their names, and the host listens, some time after the kernel started us. */
static int open_port(const char *name)
{
	const struct timespec moment = {.tv_nsec = 5000000};

	for (int tries = 0; tries < 4000; tries++) {
		int fd = open_port_once(name);

		if (fd >= 0) {
			struct pollfd port = {.fd = fd, .events = POLLOUT};

			while (poll(&port, 1, -1) >= 0 && (port.revents & POLLHUP))
				nanosleep(&moment, NULL);
			return fd;
		}
		nanosleep(&moment, NULL);
	}
	errno = ENODEV;
	die("cannot find the port %s", name);
}

__attribute__((format(printf, 2, 3))) static void tell(int control, const char *format, ...)
{
	char line[128];
	va_list args;

	va_start(args, format);
	int length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	for (int sent = 0; sent < length;) {
		struct pollfd port = {.fd = control, .events = POLLOUT};
		ssize_t written = write(control, line + sent, length - sent);

		if (written > 0)
			sent += written;
		else if (written < 0 && errno != EAGAIN && errno != EINTR)
			die("cannot write to the host");
		else
			poll(&port, 1, -1);
	}
}

/* --- the command ----------------------------------------------------------------------------- */

struct child {
	pid_t pid;
	int in;	 /* write end of its standard input, or -1 */
	int out; /* read end of its standard output, or -1 on a terminal */
	int err;
};

static void set_window_size(int terminal)
{
	const char *rows = getenv("LINES"), *columns = getenv("COLUMNS");
	struct winsize size = {.ws_row = rows ? atoi(rows) : 24, .ws_col = columns ? atoi(columns) : 80};

	ioctl(terminal, TIOCSWINSZ, &size);
}

static _Noreturn void become(const struct job *job, int in, int out, int err)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid();
	if (in < 0) { /* a terminal of its own */
		in = out = err = open("/dev/hvc0", O_RDWR);
		if (in < 0 || ioctl(in, TIOCSCTTY, 0))
			_exit(EXIT_CANNOT_RUN);
		environ = job->env;
		set_window_size(in);
	}
	environ = job->env;
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	if (in > 2)
		close(in);
	if (chdir(job->cwd)) {
		dprintf(2, "isol-init: cannot enter %s: %s\n", job->cwd, strerror(errno));
		_exit(EXIT_CANNOT_RUN);
	}
	execvp(job->argv[0], job->argv);
	int error = errno;

	dprintf(2, "isol-init: cannot run %s: %s\n", job->argv[0], strerror(error));
	_exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

static struct child start(const struct job *job)
{
	bool tty = !strcmp(job->stdin_kind, "tty"), pipe_in = !strcmp(job->stdin_kind, "pipe");
	int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};

	if (!tty && (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)))
		die("cannot make a pipe");
	if (pipe_in && pipe2(in, O_CLOEXEC))
		die("cannot make a pipe");
	if (!tty && !pipe_in)
		in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t pid = fork();

	if (pid < 0)
		die("cannot fork");
	if (pid == 0)
		become(job, in[0], out[1], err[1]);
	int theirs[] = {in[0], out[1], err[1]}, ours[] = {in[1], out[0], err[0]};

	for (size_t n = 0; n < ARRAY_SIZE(ours); n++) {
		if (theirs[n] >= 0)
			close(theirs[n]);
		if (ours[n] >= 0) /* on our end only: the command's end blocks as usual */
			fcntl(ours[n], F_SETFL, O_NONBLOCK);
	}
	return (struct child){.pid = pid, .in = in[1], .out = out[0], .err = err[0]};
}

/* --- between the command and the host -------------------------------------------------------- */

struct stream {
	int from, to; /* from is -1 once there is nothing more to come */
	char buffer[65536];
	size_t start, end;
	unsigned long long sent;
	long last; /* bytes that were in the pipe when the command ended, -1 before that */
};

static void pump(struct stream *stream)
{
	if (stream->start == stream->end && stream->from >= 0 && stream->last != 0) {
		size_t want = sizeof(stream->buffer);

		if (stream->last > 0 && (size_t)stream->last < want)
			want = stream->last;
		ssize_t got = read(stream->from, stream->buffer, want);

		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
			close(stream->from);
			stream->from = -1;
		}
		stream->start = 0;
		stream->end = got > 0 ? got : 0;
		if (stream->last > 0 && got > 0)
			stream->last -= got;
	}
	if (stream->start < stream->end) {
		ssize_t written =
			write(stream->to, stream->buffer + stream->start, stream->end - stream->start);

		if (written > 0) {
			stream->start += written;
			stream->sent += written;
		}
	}
}

static bool drained(const struct stream *stream)
{
	return stream->start == stream->end && (stream->from < 0 || stream->last == 0);
}

/*
 * A daemon that the command left behind may keep the pipe open for ever: send what the pipe holds
 * now, and no more.
 */
static void close_stream(struct stream *stream)
{
	int waiting = 0;

	if (stream->from < 0 || ioctl(stream->from, FIONREAD, &waiting))
		waiting = 0;
	stream->last = waiting;
}

struct input {
	int control, to; /* to is -1 when the reading end is closed */
	unsigned char header[4];
	size_t header_size;
	uint32_t left; /* bytes of this frame still to come from the host */
	char buffer[16384];
	size_t start, end;
};

static void end_input(struct input *input)
{
	if (input->to >= 0)
		close(input->to);
	input->to = -1;
}

static void feed(struct input *input)
{
	if (input->start < input->end) {
		ssize_t written = write(input->to, input->buffer + input->start, input->end - input->start);

		if (written > 0)
			input->start += written;
		else if (written < 0 && errno != EAGAIN && errno != EINTR)
			end_input(input);
		if (input->to < 0)
			input->start = input->end;
	}
}

static void take_input(struct input *input)
{
	if (input->start < input->end)
		return;
	bool in_header = input->left == 0;
	char *into = in_header ? (char *)input->header + input->header_size : input->buffer;
	size_t want = in_header ? sizeof(input->header) - input->header_size : input->left;

	if (!in_header && want > sizeof(input->buffer))
		want = sizeof(input->buffer);
	ssize_t got = read(input->control, into, want);

	if (got == 0)
		stop_machine(); /* the host is gone */
	if (got < 0)
		return;
	if (!in_header) {
		input->left -= got;
		input->start = 0;
		input->end = input->to < 0 ? 0 : got;
		feed(input);
		return;
	}
	input->header_size += got;
	if (input->header_size < sizeof(input->header))
		return;
	input->header_size = 0;
	input->left = input->header[0] | input->header[1] << 8 | input->header[2] << 16 |
		      (uint32_t)input->header[3] << 24;
	if (input->left == 0)
		end_input(input);
}

static int child_pipe[2];

static void on_child(int signal)
{
	int error = errno;

	(void)signal;
	if (write(child_pipe[1], "", 1) < 0) {
		/* full: then the reader looks in any case */
	}
	errno = error;
}

/*
 * Reap all children that ended, orphans included. True when the command is one of them, with its
 * wait status.
 */
static bool reap(pid_t command, int *status)
{
	char bytes[64];
	bool ended = false;
	int one;

	while (read(child_pipe[0], bytes, sizeof(bytes)) > 0)
		;
	for (pid_t pid; (pid = waitpid(-1, &one, WNOHANG)) > 0;) {
		if (pid == command) {
			ended = true;
			*status = one;
		}
	}
	return ended;
}

static _Noreturn void serve(struct child child, int control, int out_port, int err_port)
{
	static struct stream out, err;
	static struct input input;
	bool ended = false, reported = false;
	int status = 0;

	out = (struct stream){.from = child.out, .to = out_port, .last = -1};
	err = (struct stream){.from = child.err, .to = err_port, .last = -1};
	input = (struct input){.control = control, .to = child.in};
	for (;;) {
		bool out_full = out.start < out.end, err_full = err.start < err.end;
		bool in_full = input.start < input.end;
		struct pollfd fds[] = {
			{.fd = child_pipe[0], .events = POLLIN},
			{.fd = control, .events = in_full ? 0 : POLLIN},
			{.fd = in_full ? input.to : -1, .events = POLLOUT},
			{.fd = out_full	       ? out.to
			       : out.last != 0 ? out.from
					       : -1,
			 .events = out_full ? POLLOUT : POLLIN},
			{.fd = err_full	       ? err.to
			       : err.last != 0 ? err.from
					       : -1,
			 .events = err_full ? POLLOUT : POLLIN},
		};

		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			die("cannot poll");
		if (fds[1].revents & POLLHUP)
			stop_machine();
		if (fds[1].revents & POLLIN)
			take_input(&input);
		if (fds[2].revents)
			feed(&input);
		if (reap(child.pid, &status) && !ended) {
			ended = true;
			close_stream(&out);
			close_stream(&err);
		}
		pump(&out);
		pump(&err);
		if (ended && !reported && drained(&out) && drained(&err)) {
			reported = true;
			tell(control, "%s %d %llu %llu\n", WIFSIGNALED(status) ? "killed" : "exited",
			     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), out.sent,
			     err.sent);
		}
	}
}

int main(void)
{
	if (getpid() != 1) {
		fprintf(stderr, "isol-init: this is the first process of the lab machine: isolctl lab run\n");
		return EXIT_CANNOT_RUN;
	}
	mkdir("/dev", 0755);
	if (mount("devtmpfs", "/dev", "devtmpfs", 0, NULL) == 0 || errno == EBUSY) {
		int console = open("/dev/console", O_RDWR);

		for (int fd = 0; console >= 0 && fd < 3; fd++)
			dup2(console, fd);
		if (console > 2)
			close(console);
	}
	struct job job = read_job();

	enter_root();
	set_up_machine();
	if (pipe2(child_pipe, O_CLOEXEC | O_NONBLOCK))
		die("cannot make a pipe");
	struct sigaction action = {.sa_handler = on_child, .sa_flags = SA_NOCLDSTOP | SA_RESTART};

	sigaction(SIGCHLD, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	int control = open_port("isolctl.control");
	int out_port = open_port("isolctl.stdout"), err_port = open_port("isolctl.stderr");

	tell(control, "up\n");
	serve(start(&job), control, out_port, err_port);
}
