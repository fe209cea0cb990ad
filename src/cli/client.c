/* SPDX-License-Identifier: BSD-3-Clause */
/* The client of weftd's API: HTTP over its UNIX socket, with libcurl. */
#include "cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "util/cleanup.h"
#include "util/str.h"

#define REPLY_MAX (256u << 20)	/* bytes */
#define TIMEOUT_SECONDS 120L

static size_t receive(char *data, size_t size, size_t count, void *cls)
{
	struct strbuf *reply = cls;

	if (reply->length + size * count > REPLY_MAX)
		return 0;
	strbuf_add_bytes(reply, data, size * count);
	return reply->failed ? 0 : size * count;
}

static int tell_unreachable(const struct cli *cli, const char *why, const char *fix)
{
	fprintf(stderr, "weft %s: %s\n%s\n", cli->command->name, why, fix);
	if (cli->json) {
		json_t *error = json_pack("{s:{s:s, s:s}}", "error", "code", "not-reachable",
					  "text", why);

		client_print(error);
		json_decref(error);
	}
	return CLI_UNREACHABLE;
}

/* Appends "run weft as root, or ...", with the name of the socket's group if it is known. */
static void advise_group(const char *path, struct strbuf *advice)
{
	struct stat st;
	const struct group *group = stat(path, &st) == 0 ? getgrgid(st.st_gid) : NULL;

	if (group && st.st_gid != 0)
		strbuf_add(advice, "run weft as root, or join the group %s and log in again: "
			   "usermod -aG %s YOU", group->gr_name, group->gr_name);
	else
		strbuf_add(advice, "run weft as root, or start weftd with --api-group and a group "
			   "of yours");
}

static int unreachable(const struct cli *cli, CURL *curl, CURLcode code)
{
	const char *path = cli->socket_path;
	const char *fix = "start it with 'systemctl start weftd' or 'weftd', or give the socket of "
			  "a running one with --socket";
	struct strbuf why = {0}, advice = {0};
	long os_errno = 0;
	int r;

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_errno);
	if (code == CURLE_OPERATION_TIMEDOUT) {
		strbuf_add(&why, "weftd did not answer on %s within %ld seconds", path,
			   TIMEOUT_SECONDS);
		fix = "its log may say why: journalctl -u weftd";
	} else if (code == CURLE_COULDNT_CONNECT && (os_errno == EACCES || os_errno == EPERM)) {
		strbuf_add(&why, "you may not connect to %s: %s", path, strerror((int)os_errno));
		advise_group(path, &advice);
		fix = advice.data ? advice.data : "run weft as root";
	} else if (code == CURLE_COULDNT_CONNECT) {
		strbuf_add(&why, "weftd is not running: cannot connect to %s%s%s", path,
			   os_errno ? ": " : "", os_errno ? strerror((int)os_errno) : "");
	} else {
		strbuf_add(&why, "weftd went away while it answered on %s: %s", path,
			   curl_easy_strerror(code));
		fix = "its log may say why: journalctl -u weftd";
	}
	r = tell_unreachable(cli, why.data ? why.data : "out of memory", fix);
	strbuf_done(&advice);
	strbuf_done(&why);
	return r;
}

/* Handles a complete reply: JSON, or an error of the API. */
static int digest(const struct cli *cli, long status, const struct strbuf *text, json_t **ret_reply)
{
	json_t *reply = json_loadb(text->data ? text->data : "", text->length, JSON_DECODE_ANY,
				   NULL);
	const char *why = NULL;

	if (reply && status >= 200 && status < 300) {
		*ret_reply = reply;
		return CLI_OK;
	}
	if (reply && json_unpack(reply, "{s:{s:s}}", "error", "text", &why) == 0) {
		fprintf(stderr, "weft %s: %s\n", cli->command->name, why);
		if (cli->json)
			client_print(reply);
	} else {
		fprintf(stderr, "weft %s: %s answered with HTTP status %ld and no JSON; is it "
			"weftd's socket?\n", cli->command->name, cli->socket_path, status);
	}
	json_decref(reply);
	return CLI_FAILED;
}

static void prepare(CURL *curl, const struct cli *cli, const char *method, const char *url,
		    const char *body, size_t body_length, struct curl_slist *headers,
		    struct strbuf *reply)
{
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, cli->socket_path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_SECONDS);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
	if (body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_length);
	}
}

int client_call(const struct cli *cli, const char *method, const char *path, const char *body,
		size_t body_length, json_t **ret_reply)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	CURL *curl = curl_easy_init();
	struct strbuf reply = {0}, url = {0};
	long status = 0;
	CURLcode code;
	int r;

	strbuf_add(&url, "http://weftd%s", path);
	if (!curl || !headers || url.failed) {
		r = cli_fail(cli, "out of memory");
		goto end;
	}
	if (strlen(cli->socket_path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		r = cli_usage(cli, "the socket's path %s is too long", cli->socket_path);
		goto end;
	}
	prepare(curl, cli, method, url.data, body, body_length, headers, &reply);
	code = curl_easy_perform(curl);
	if (code != CURLE_OK) {
		r = unreachable(cli, curl, code);
		goto end;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	r = digest(cli, status, &reply, ret_reply);
end:
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	strbuf_done(&reply);
	strbuf_done(&url);
	return r;
}

int client_call_json(const struct cli *cli, const char *method, const char *path, json_t *body,
		     json_t **ret_reply)
{
	_cleanup_free_ char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	if (!text)
		return cli_fail(cli, "cannot put the arguments into JSON: are they UTF-8?");
	return client_call(cli, method, path, text, strlen(text), ret_reply);
}

int client_get(const struct cli *cli, const char *path, json_t **ret_reply)
{
	return client_call(cli, "GET", path, NULL, 0, ret_reply);
}

char *client_path(const char *path, const char *name, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, 0);
	struct strbuf buf = {0};

	if (!escaped)
		return NULL;
	strbuf_add(&buf, "%s?%s=%s", path, name, escaped);
	curl_free(escaped);
	return strbuf_take(&buf);
}

void client_print(const json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2));
	putchar('\n');
}
