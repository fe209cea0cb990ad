/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A filter that runs at build time: copies a manual for scdoc(1) from standard input to standard
 * output, and replaces a line "; ATTRIBUTES subsystem attr" by the list of the attributes in that
 * group of the object. Without a group, it lists the attributes in the object itself.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings/attr.h"
#include "util/str.h"

#define MARK "; ATTRIBUTES "

/* Escapes "*", which would begin bold text. */
static void print_text(const char *text)
{
	for (const char *c = text; *c; c++) {
		if (*c == '*')
			putchar('\\');
		putchar(*c);
	}
}

static void print_attr(const struct attr *attr)
{
	const char *indent = attr->place == ATTR_IN_OBJECT ? "" : "\t";
	struct strbuf text = { 0 };

	printf("%s\"%s\"\n\t%s", indent, attr->name, indent);
	print_text(attr->help);
	if (attr->type != ATTR_BOOL) {
		printf(" %c", toupper((unsigned char)attr->right[0]));
		print_text(attr->right + 1);
		putchar('.');
	}
	attr_format_default(attr, &text);
	if (text.data)
		printf(" Default: %s.", text.data);
	if (attr->effect != ATTR_UNNOTICED)
		printf(" After a change: %s.", attr_effect_words(attr->effect));
	printf("\n\n");
	strbuf_done(&text);
}

/* False if there is no such group. */
static bool print_group(const char *object, const char *group)
{
	bool found = false;

	for (const struct object_type *const *type = object_types; *type; type++) {
		if (strcmp((*type)->name, object))
			continue;
		for (const struct attr *attr = (*type)->attrs; attr->name; attr++) {
			const char *name = attr_group(attr->place);

			if (strcmp(name ? name : "", group))
				continue;
			print_attr(attr);
			found = true;
		}
	}
	return found;
}

int main(void)
{
	char line[1024], object[32], group[32];

	while (fgets(line, sizeof(line), stdin)) {
		if (strncmp(line, MARK, strlen(MARK))) {
			fputs(line, stdout);
			continue;
		}
		object[0] = group[0] = '\0';
		if (sscanf(line + strlen(MARK), "%31s %31s", object, group) < 1 ||
		    !print_group(object, group)) {
			fprintf(stderr, "no such group: %s", line);
			return EXIT_FAILURE;
		}
	}
	return ferror(stdin) || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
