/* SPDX-License-Identifier: BSD-3-Clause */
/* Command options made from the attributes of an object type: see attrs.h. */
#include "cli/attrs.h"

#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/backend.h>

#include "settings/json.h"
#include "util/cleanup.h"
#include "util/str.h"

#define ATTRS_MAX 32

/* An option and the text buffers that it points to. */
struct attr_option {
	struct command_option option;
	char name[32], help[200];
};

const struct attr *attrs_find(const struct object_type *type, int id)
{
	if (id < ATTRS_ID)
		return NULL;
	id -= ATTRS_ID;
	for (const struct attr *attr = type->attrs; attr->name; attr++) {
		if (attr->value && id-- == 0)
			return attr;
	}
	return NULL;
}

/* Fills an option. Its help is the attribute's with its default: "the size (default: ...)". */
static void fill(struct attr_option *ret, const struct attr *attr, int id)
{
	size_t length = strlen(attr->help);
	struct strbuf text = { 0 };

	snprintf(ret->name, sizeof(ret->name), "%s", attr->name);
	for (char *c = ret->name; *c; c++) {
		if (*c == '_')
			*c = '-';
	}
	if (attr->type != ATTR_BOOL)
		attr_format_default(attr, &text);
	snprintf(ret->help, sizeof(ret->help), "%c%.*s%s%s%s",
		 tolower((unsigned char)attr->help[0]), (int)length - 2, attr->help + 1,
		 text.data ? " (default: " : "", text.data ? text.data : "", text.data ? ")" : "");
	strbuf_done(&text);
	ret->option = (struct command_option){
		.name = ret->name, .id = id, .value = *attr->value ? attr->value : NULL,
		.help = ret->help, .completes = attr->completes,
	};
}

const struct command_option *attrs_option(const struct object_type *type, size_t index)
{
	static struct attr_option options[ATTRS_MAX];
	int id = ATTRS_ID + (int)index;
	const struct attr *attr = index < ATTRS_MAX ? attrs_find(type, id) : NULL;

	if (!attr)
		return NULL;
	fill(&options[index], attr, id);
	return &options[index].option;
}

int attrs_take(const struct cli *cli, const struct object_type *type, int id, const char *text,
	       json_t *request)
{
	const struct command_option *option = attrs_option(type, (size_t)(id - ATTRS_ID));
	const struct attr *attr = attrs_find(type, id);
	_cleanup_free_ void *settings = malloc(type->size);
	uint64_t bytes;
	char number[24];

	assert(attr && option); /* `id` is the id of such an option */
	if (!settings)
		return cli_fail(cli, "out of memory");
	attrs_init(type, settings);
	if (!text)
		text = "1";
	if (attr->unit && !strcmp(attr->unit, "bytes") && size_parse(text, &bytes) == 0) {
		snprintf(number, sizeof(number), "%llu", (unsigned long long)bytes);
		text = number;
	}
	if (attr_parse(attr, settings, text, NULL) < 0 ||
	    json_object_set_new(request, attr->name, attr_to_request(attr, settings)) < 0)
		return cli_usage(cli, "--%s %s: it must be %s",
				 option->name, text, attr->right);
	return CLI_OK;
}
