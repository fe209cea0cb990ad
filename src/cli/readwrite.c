/* SPDX-License-Identifier: BSD-3-Clause */
/* weft read and weft write: copy a range of a namespace to or from a file. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/hostcmd.h"
#include "host/stream.h"
#include "util/cleanup.h"
#include "util/str.h"

#define SOURCE_WAIT_MS 250 /* longest wait for input; then Keep Alive is handled */

enum { OPT_IO_SIZE = CLI_OPT_OWN, OPT_DEPTH, OPT_FUA, OPT_QUIET };

struct job {
	struct hostcmd cmd;
	struct stream_options stream;
	uint32_t nsid;
	const char *path;
	bool quiet, has_length;
	int fd;
	uint64_t done, total; /* bytes; total 0: unknown */
	size_t got; /* bytes of an input chunk that is not complete */
	int64_t began_ms, shown_ms;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Shows progress on the terminal: after the first second, a line updated twice a second. */
static void progress(struct job *job, size_t size)
{
	int64_t now = now_ms();
	char done[32], total[32], rate[32];

	job->done += size;
	if (job->quiet || now - job->began_ms < 1000 || now - job->shown_ms < 500)
		return;
	job->shown_ms = now;
	size_format(job->done, done, sizeof(done));
	size_format(job->done * 1000 / (uint64_t)(now - job->began_ms), rate, sizeof(rate));
	if (job->total)
		fprintf(stderr, "\r%s of %s, %s/s, %llu %%\033[K", done,
			size_format(job->total, total, sizeof(total)), rate,
			(unsigned long long)(job->done * 100 / job->total));
	else
		fprintf(stderr, "\r%s, %s/s\033[K", done, rate);
}

static int sink(void *user, const void *bytes, size_t size, struct weft_error *error)
{
	struct job *job = user;

	for (size_t done = 0; done < size;) {
		ssize_t n = write(job->fd, (const uint8_t *)bytes + done, size - done);

		if (n < 0 && errno != EINTR)
			return weft_error_set(error, errno, "cannot write %s: %s", job->path,
					      strerror(errno));
		done += n > 0 ? (size_t)n : 0;
	}
	progress(job, size);
	return 0;
}

static int source(void *user, void *bytes, size_t size, size_t *ret_size, struct weft_error *error)
{
	struct job *job = user;
	struct pollfd pfd = { .fd = job->fd, .events = POLLIN };

	while (job->got < size) {
		ssize_t n;

		if (poll(&pfd, 1, SOURCE_WAIT_MS) == 0)
			return -EAGAIN;
		n = read(job->fd, (uint8_t *)bytes + job->got, size - job->got);
		if (n < 0 && errno != EINTR)
			return weft_error_set(error, errno, "cannot read %s: %s", job->path,
					      strerror(errno));
		if (n == 0)
			break;
		job->got += n > 0 ? (size_t)n : 0;
	}
	*ret_size = job->got;
	job->got = 0;
	progress(job, *ret_size);
	return 0;
}

/* Takes an option of the command's own. False: its value is wrong, and usage was printed. */
static bool take_option(struct job *job, int c)
{
	const struct hostcmd *cmd = &job->cmd;
	uint64_t n = 0;

	switch (c) {
	case 'i':
		if (!hostcmd_number(cmd, "--namespace-id", optarg, 1, NVME_NSID_ALL - 1, &n))
			return false;
		job->nsid = (uint32_t)n;
		return true;
	case 'o':
		return hostcmd_size(cmd, "--offset", optarg, &job->stream.offset);
	case 'l':
		job->has_length = true;
		return hostcmd_size(cmd, "--length", optarg, &job->stream.length);
	case 'd':
		job->path = optarg;
		return true;
	case OPT_IO_SIZE:
		if (!hostcmd_size(cmd, "--io-size", optarg, &n))
			return false;
		if (n < 512 || n > 64u << 20) {
			cli_usage(cmd->cli, "--io-size is %s; it must be from 512 to 64M", optarg);
			return false;
		}
		job->stream.io_size = (uint32_t)n;
		return true;
	case OPT_DEPTH:
		if (!hostcmd_number(cmd, "--queue-depth", optarg, 1, 1024, &n))
			return false;
		job->stream.depth = (uint16_t)n;
		return true;
	case OPT_FUA:
		job->stream.fua = true;
		return true;
	default:
		job->quiet = true;
		return true;
	}
}

static bool take_options(struct job *job, int argc, char **argv, bool writing, int *ret_exit)
{
	int c;

	while ((c = hostcmd_next_option(&job->cmd, argc, argv, ret_exit)) >= 0) {
		if (!take_option(job, c)) {
			*ret_exit = CLI_USAGE;
			return false;
		}
	}
	if (c == -2 || !hostcmd_ready(&job->cmd, argc, argv, ret_exit))
		return false;
	if (!writing && strcmp(job->path, "-") == 0 && isatty(STDOUT_FILENO)) {
		*ret_exit =
			cli_usage(job->cmd.cli, "standard output is a terminal; give a file with "
						 "--data");
		return false;
	}
	if (!writing && job->cmd.cli->json && strcmp(job->path, "-") == 0) {
		*ret_exit =
			cli_usage(job->cmd.cli, "--json and the data cannot both go to standard "
						 "output; give a file with --data");
		return false;
	}
	return true;
}

static int open_file(struct job *job, bool writing, struct weft_error *error)
{
	bool standard = strcmp(job->path, "-") == 0;
	struct stat st;

	if (standard) {
		job->path = writing ? "standard input" : "standard output";
		job->fd = dup(writing ? STDIN_FILENO : STDOUT_FILENO);
	} else if (writing) {
		job->fd = open(job->path, O_RDONLY | O_CLOEXEC);
	} else {
		job->fd = open(job->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	}
	if (job->fd < 0)
		return weft_error_set(error, errno, "cannot open %s: %s", job->path,
				      strerror(errno));
	if (writing && fstat(job->fd, &st) == 0 && S_ISREG(st.st_mode))
		job->total = (uint64_t)st.st_size;
	return 0;
}

/* Without --length, the range extends to the end of the namespace. */
static void set_length(struct job *job, const struct host_ns *ns, bool writing)
{
	uint64_t size = ns->blocks * ns->block_size;

	if (!job->has_length && job->stream.offset < size)
		job->stream.length = size - job->stream.offset;
	if (!writing || (job->total && job->total > job->stream.length))
		job->total = job->stream.length;
}

/* Refuses an input file that is larger than the range, before any data is written. */
static int check_input(const struct job *job, const struct host_ns *ns, struct weft_error *error)
{
	struct stat st;

	if (job->has_length || fstat(job->fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size <= job->stream.length)
		return 0;
	return weft_error_set(error, EFBIG,
			      "%s has %llu bytes, of which namespace %u takes %llu at offset %llu; "
			      "limit it with --length",
			      job->path, (unsigned long long)st.st_size, ns->nsid,
			      (unsigned long long)job->stream.length,
			      (unsigned long long)job->stream.offset);
}

static int transfer(struct job *job, struct host_ctrl *ctrl, bool writing, struct weft_error *error)
{
	struct host_ns ns;
	uint64_t written;
	int r = host_ns_open(ctrl, job->nsid, &ns, error);

	if (r < 0)
		return r;
	set_length(job, &ns, writing);
	if (!writing)
		return stream_read(ctrl, &ns, &job->stream, sink, job, error);
	r = check_input(job, &ns, error);
	if (r == 0)
		r = stream_write(ctrl, &ns, &job->stream, source, job, &written, error);
	return r;
}

static void report(const struct job *job, bool writing)
{
	double seconds = (double)(now_ms() - job->began_ms) / 1000;
	double rate = seconds > 0 ? (double)job->done / seconds : 0;
	char size[32], speed[32];

	if (job->cmd.cli->json) {
		json_t *o =
			json_pack("{s:s, s:I, s:I, s:I, s:f, s:f}",
				  "command", job->cmd.cli->command->name,
				  "nsid", (json_int_t)job->nsid,
				  "offset", (json_int_t)job->stream.offset,
				  "bytes", (json_int_t)job->done,
				  "seconds", seconds, "bytes_per_second", rate);

		json_dumpf(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
		putchar('\n');
		json_decref(o);
	} else if (!job->quiet) {
		fprintf(stderr, "%s%s %s in %.3f s, %s/s\n", job->shown_ms ? "\r\033[K" : "",
			writing ? "wrote" : "read", size_format(job->done, size, sizeof(size)),
			seconds, size_format((uint64_t)rate, speed, sizeof(speed)));
	}
}

static int read_or_write(struct cli *cli, int argc, char **argv, bool writing)
{
	struct job job = { .nsid = 1, .path = "-", .fd = -1, .stream.depth = 16 };
	struct host_ctrl *ctrl = NULL;
	struct weft_error error;
	int r;

	hostcmd_init(&job.cmd, cli);
	if (!take_options(&job, argc, argv, writing, &r))
		return r;
	job.quiet |= !isatty(STDERR_FILENO);
	job.began_ms = now_ms();
	r = open_file(&job, writing, &error);
	if (r == 0)
		r = host_connect(&job.cmd.opts, &ctrl, &error);
	if (r == 0)
		r = transfer(&job, ctrl, writing, &error);
	host_disconnect(ctrl);
	if (job.fd >= 0 && close(job.fd) < 0 && r == 0)
		r = weft_error_set(&error, errno, "cannot write %s: %s", job.path, strerror(errno));
	if (r < 0) {
		if (job.shown_ms)
			fputc('\n', stderr);
		return cli_fail(job.cmd.cli, "%s", error.text);
	}
	report(&job, writing);
	return CLI_OK;
}

static int run_read(struct cli *cli, int argc, char **argv)
{
	return read_or_write(cli, argc, argv, false);
}

static int run_write(struct cli *cli, int argc, char **argv)
{
	return read_or_write(cli, argc, argv, true);
}

#define RANGE_OPTIONS								\
	{ "namespace-id", 'i', "NSID", "the namespace (default 1)", NULL },	\
	{ "offset", 'o', "SIZE", "the start of the range (default 0)", NULL }

#define PACE_OPTIONS								\
	{ "io-size", OPT_IO_SIZE, "SIZE",					\
	  "bytes of one command (default 256K, at most MDTS)", NULL },		\
	{ "queue-depth", OPT_DEPTH, "N",					\
	  "commands under way at a time (default 16)", NULL },			\
	{ "quiet", OPT_QUIET, NULL, "no progress", NULL }

static const struct command_option read_options[] = {
	RANGE_OPTIONS,
	{ "length", 'l', "SIZE", "the size of the range (default to the end)", NULL },
	{ "data", 'd', "FILE", "the file to write (default -, standard output)", COMPLETE_FILES },
	PACE_OPTIONS,
	{ NULL },
};

static const struct command_option write_options[] = {
	RANGE_OPTIONS,
	{ "length", 'l', "SIZE", "the most to write (default all of the input)", NULL },
	{ "data", 'd', "FILE", "the file to read (default -, standard input)", COMPLETE_FILES },
	{ "fua", OPT_FUA, NULL, "make each write durable by itself", NULL },
	PACE_OPTIONS,
	{ NULL },
};

const struct command command_read = {
	.name = "read", .arguments = "[ADDRESS] NQN",
	.summary = "read from a remote disk into a file",
	.text = "Reads a range of a namespace into a file or standard output.",
	.kind = COMMAND_OF_HOST, .options = read_options,
	.example = "192.0.2.7 nqn.2014-08.io.weft:disk1 -l 1M -d first.img",
	.run = run_read,
};

const struct command command_write = {
	.name = "write", .arguments = "[ADDRESS] NQN",
	.summary = "write a file to a remote disk",
	.text = "Writes a file or standard input to a range of a namespace, and flushes.",
	.kind = COMMAND_OF_HOST, .options = write_options,
	.example = "192.0.2.7 nqn.2014-08.io.weft:disk1 -d disk.img",
	.run = run_write,
};
