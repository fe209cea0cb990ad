/* SPDX-License-Identifier: BSD-3-Clause */
/* What can still be done in weftd's sandbox, and what cannot: each in a process of its own. */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <grp.h>
#include <ifaddrs.h>
#include <langinfo.h>
#include <liburing.h>
#include <locale.h>
#include <malloc.h>
#include <net/if.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <weft/backend.h>

#include "daemon/sandbox.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZERS true		/* they get what they need, which is most of what is tried here */
#elif defined(__has_feature)
#define SANITIZERS (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZERS false
#endif

/* What a check wrote to standard error. */
static char written[4096];

static _Noreturn void run_inside(enum sandbox_mode mode, bool plugins, bool (*check)(void))
{
	const struct rlimit core = { 1 << 20, 1 << 20 };
	struct weft_error error;

	setrlimit(RLIMIT_CORE, &core);
	_exit(sandbox_enter(mode, plugins, &error) == 0 && check() ? 0 : 1);
}

/* Runs a check in the sandbox; its wait status. Fills `written`. */
static int run_mode(enum sandbox_mode mode, bool plugins, bool (*check)(void))
{
	size_t length = 0;
	int pipes[2], status;
	pid_t child;
	ssize_t n;

	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(pipes[1], STDERR_FILENO);
		run_inside(mode, plugins, check);
	}
	close(pipes[1]);
	while ((n = read(pipes[0], written + length, sizeof(written) - 1 - length)) > 0)
		length += (size_t)n;
	written[length] = '\0';
	close(pipes[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static int run(bool (*check)(void), bool plugins)
{
	return run_mode(SANDBOX_ON, plugins, check);
}

#define holds(check) assert_int_equal(run(check, false), 0)

static bool is_absent(long result)
{
	return result < 0 && errno == ENOSYS;
}

static bool runs_no_program(void)
{
	char *const none[] = { NULL };

	return is_absent(execve("/bin/true", none, none)) &&
	       is_absent(syscall(SYS_execveat, AT_FDCWD, "/bin/true", none, none, 0));
}

static bool makes_no_process(void)
{
	return is_absent(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) &&
	       is_absent(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)) &&
	       is_absent(syscall(SYS_clone3, NULL, 0)) && is_absent(unshare(CLONE_NEWUSER));
}

static bool touches_no_other_process(void)
{
	return is_absent(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL)) &&
	       is_absent(kill(getppid(), 0)) &&
	       is_absent(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static bool changes_no_rights(void)
{
	const struct rlimit limit = { 16, 16 };

	return is_absent(syscall(SYS_setuid, 0)) && is_absent(syscall(SYS_chown, "/", 0, 0)) &&
	       is_absent(mount("none", "/", NULL, MS_BIND, NULL)) &&
	       is_absent(syscall(SYS_init_module, NULL, 0, "")) &&
	       is_absent(syscall(SYS_bpf, 0, NULL, 0)) &&
	       is_absent(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)) &&
	       is_absent(setrlimit(RLIMIT_CORE, &limit));
}

static bool has_no_other_sockets(void)
{
	return is_absent(socket(AF_PACKET, SOCK_RAW, 0)) &&
	       is_absent(socket(AF_NETLINK, SOCK_RAW, 9 /* NETLINK_AUDIT */)) &&
	       is_absent(socket(AF_VSOCK, SOCK_STREAM, 0)) &&
	       is_absent(socket(AF_ALG, SOCK_SEQPACKET, 0));
}

static bool has_no_writable_code(void)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory != MAP_FAILED && is_absent(mprotect(memory, 4096, PROT_READ | PROT_EXEC)) &&
	       mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0) == MAP_FAILED && errno == ENOSYS;
}

static bool makes_no_ring(void)
{
	struct io_uring_params params = { 0 };

	return is_absent(syscall(__NR_io_uring_setup, 4, &params));
}

static bool types_on_no_terminal(void)
{
	char key = 'x';

	return is_absent(syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, &key));
}

static void *nothing(void *arg)
{
	return arg;
}

static bool makes_threads(void)
{
	pthread_t thread;
	int here;
	void *result;

	return pthread_create(&thread, NULL, nothing, &here) == 0 &&
	       pthread_join(thread, &result) == 0 && result == &here;
}

static bool listens(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	       listen(fd, 1) == 0 && socket(AF_INET6, SOCK_STREAM, 0) >= 0 &&
	       socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

/* As set-user-ID programs and /proc see it. */
static bool is_marked(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	int found = 0;

	while (file && fgets(line, sizeof(line), file))
		found += !strcmp(line, "NoNewPrivs:\t1\n") || !strcmp(line, "Seccomp:\t2\n");
	return found == 2;
}

static bool aborts(void)
{
	abort();
}

static void test_allowed(void **state)
{
	holds(makes_threads);
	holds(listens);
}

static void test_absent(void **state)
{
	holds(runs_no_program);
	holds(makes_no_process);
	holds(touches_no_other_process);
	holds(changes_no_rights);
	holds(has_no_writable_code);
	holds(types_on_no_terminal);
}

static void test_absent_even_with_sanitizers(void **state)
{
	holds(is_marked);
	holds(has_no_other_sockets);
	holds(makes_no_ring);
}

/* ---- the life of weftd after its start ---- */

static bool knows_users(void)
{
	return getpwuid(0) && getgrgid(0) && !getpwnam("nobody-of-that-name") &&
	       !getgrnam("nobody-of-that-name");
}

static bool knows_interfaces(void)
{
	char name[IF_NAMESIZE];
	struct ifaddrs *addresses;
	unsigned int index = if_nametoindex("lo");

	if (!index || !if_indextoname(index, name) || getifaddrs(&addresses) < 0)
		return false;
	freeifaddrs(addresses);
	return !strcmp(name, "lo");
}

/* A name in /etc/hosts, and one that whatever nsswitch.conf(5) names is asked for, DNS included. */
static bool resolves(void)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	const struct addrinfo numeric = { .ai_flags = AI_NUMERICHOST };
	struct addrinfo *found;

	if (getaddrinfo("localhost", "4420", &hints, &found))
		return false;
	freeaddrinfo(found);
	if (getaddrinfo("fe80::1%lo", "4420", &numeric, &found))
		return false;
	freeaddrinfo(found);
	return getaddrinfo("no-such-host.invalid", "4420", &hints, &found) != 0;
}

/* How the resolver sends both questions of a name, whatever answers. */
static bool asks_name_servers(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(53),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct iovec iov = { .iov_base = (char[]){ "question" }, .iov_len = 8 };
	struct mmsghdr messages[2] = {
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
	};

	return fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	       sendmmsg(fd, messages, 2, MSG_NOSIGNAL) >= 0;
}

static bool knows_itself(void)
{
	char name[256], path[4096];
	struct utsname uts;

	return gethostname(name, sizeof(name)) == 0 && uname(&uts) == 0 &&
	       getcwd(path, sizeof(path)) && realpath("/proc/self/exe", path) &&
	       sysconf(_SC_NPROCESSORS_ONLN) > 0 && sysconf(_SC_PHYS_PAGES) > 0 &&
	       sysconf(_SC_OPEN_MAX) > 0;
}

static bool tells_time(void)
{
	time_t now = time(NULL);
	struct tm tm;

	tzset();
	return localtime_r(&now, &tm) && setlocale(LC_ALL, "") && nl_langinfo(CODESET);
}

static bool logs(void)
{
	openlog("weftd", 0, LOG_DAEMON);
	syslog(LOG_DEBUG, "a test of weft's sandbox");
	closelog();
	return true;
}

static void *allocate(void *arg)
{
	void *volatile blocks[200];

	for (size_t i = 0; i < 200; i++)
		blocks[i] = malloc(i * 4000);
	for (size_t i = 0; i < 200; i++)
		blocks[i] = realloc(blocks[i], i * 8000 + 1);
	for (size_t i = 0; i < 200; i++)
		free(blocks[i]);
	malloc_trim(0);
	return arg;
}

static bool allocates(void)
{
	pthread_t threads[4];
	bool good = true;

	for (size_t i = 0; i < 4; i++)
		good = pthread_create(&threads[i], NULL, allocate, NULL) == 0 && good;
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return good;
}

static bool keeps_files(void)
{
	char path[] = "/tmp/weft-sandbox-XXXXXX";
	int fd = mkstemp(path);
	const struct flock lock = { .l_type = F_WRLCK };
	struct statx statx_buffer;
	bool good = fd >= 0 && fallocate(fd, 0, 0, 1 << 20) == 0 && fsync(fd) == 0 &&
		    fdatasync(fd) == 0 && ftruncate(fd, 1 << 21) == 0 &&
		    fcntl(fd, F_OFD_SETLK, &lock) == 0 && flock(fd, LOCK_EX) == 0 &&
		    statx(AT_FDCWD, path, 0, STATX_ALL, &statx_buffer) == 0 &&
		    lseek(fd, 0, SEEK_HOLE) >= 0;

	/* what a file system does not have, it says */
	fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
	fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0, 4096);
	unlink(path);
	return good;
}

static bool tells_of_a_crash(void)
{
	void *frames[16];

	return backtrace(frames, 16) > 0 && raise(SIGCHLD) == 0;
}

static bool loads_libraries(void)
{
	void *library = dlopen("libresolv.so.2", RTLD_NOW | RTLD_LOCAL);

	return library && dlclose(library) == 0;
}

/* Each works, and asks for nothing that is refused. */
static void test_life(void **state)
{
	static const struct {
		const char *what;
		bool (*check)(void);
	} table[] = {
		{ "users and groups", knows_users },
		{ "interfaces", knows_interfaces },
		{ "names of machines", resolves },
		{ "name servers", asks_name_servers },
		{ "this machine", knows_itself },
		{ "time zone and locale", tells_time },
		{ "syslog", logs },
		{ "memory", allocates },
		{ "threads", makes_threads },
		{ "sockets", listens },
		{ "files", keeps_files },
		{ "a crash", tells_of_a_crash },
		{ "libraries", loads_libraries },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int status = run_mode(SANDBOX_REPORT, false, table[i].check);

		if (status || *written)
			fail_msg("%s: status 0x%x, %s", table[i].what, status, written);
	}
}

static bool is_refused(void)
{
	return is_absent(syscall(SYS_vhangup));
}

static void test_report(void **state)
{
	assert_int_equal(run_mode(SANDBOX_REPORT, false, is_refused), 0);
	assert_non_null(strstr(written, "weftd: sandbox: vhangup (system call "));
	assert_int_equal(run_mode(SANDBOX_ON, false, is_refused), 0);
	assert_string_equal(written, "");
}

/* Plugins get more, but no programs. */
static bool plugin_needs(void)
{
	return memfd_create("plugin", 0) >= 0 && (SANITIZERS || runs_no_program());
}

static void test_plugins(void **state)
{
	assert_int_equal(run(plugin_needs, true), 0);
	assert_int_not_equal(run(plugin_needs, false), 0);
}

/* Secrets and other people's data stay out of files: a crash dumps no core. */
static void test_no_core(void **state)
{
	int status = run(aborts, false);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_false(WCOREDUMP(status));
}

/* A thread that was there before is in it too. */
static volatile bool stop;
static volatile long result;

static void *wait_and_exec(void *arg)
{
	char *const none[] = { NULL };

	while (!stop)
		sched_yield();
	result = execve("/bin/true", none, none) < 0 ? errno : 0;
	return NULL;
}

static void test_all_threads(void **state)
{
	pid_t child;
	int status;

	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct weft_error error;
		pthread_t thread;

		if (pthread_create(&thread, NULL, wait_and_exec, NULL) ||
		    sandbox_enter(SANDBOX_ON, false, &error) < 0)
			_exit(1);
		stop = true;
		pthread_join(thread, NULL);
		_exit(result == ENOSYS ? 0 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest always[] = {
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_absent_even_with_sanitizers),
		cmocka_unit_test(test_plugins),
		cmocka_unit_test(test_no_core),
	};
	const struct CMUnitTest without_sanitizers[] = {
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_all_threads),
	};
	int failed = cmocka_run_group_tests(always, NULL, NULL);

	if (!SANITIZERS)
		failed += cmocka_run_group_tests(without_sanitizers, NULL, NULL);
	return failed;
}
