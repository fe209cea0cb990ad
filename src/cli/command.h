/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands of weft(1). Each is a row beside its function, in a file of its own,
 * and a word in the list of commands.c. All that is known of it comes from there:
 * dispatch, help, its options, completion (complete.c) and the list in weft(1)
 * (manual.c).
 */
#ifndef WEFT_CLI_COMMAND_H
#define WEFT_CLI_COMMAND_H

#include <stddef.h>

struct cli;
struct object_type;

struct command_option {
	const char *name;	/* without "--"; NULL: there are no more; "": a heading */
	int id;			/* its letter, or CLI_OPT_OWN and up */
	const char *value;	/* "SIZE", as help names it; NULL: it takes none */
	const char *help;	/* a sentence without its capital and full stop; of a heading: it */
	const char *completes;	/* what its value may be, as command.completes */
};

enum command_kind {
	COMMAND_ALONE,		/* has --help */
	COMMAND_OF_WEFTD,	/* talks to weftd: has --json and --socket, too */
	COMMAND_OF_HOST,	/* is a host: has the options of hostcmd.h, too */
};

struct command {
	const char *name;
	const char *arguments;	/* "[ADDRESS] NQN"; of two usages, one a line */
	const char *summary;	/* a line without its capital and full stop */
	const char *text;	/* what help says of it */
	enum command_kind kind;
	const struct command_option *options; /* its own; NULL: none */
	/* Then come options for what an export may set of such an object (attrs.h); NULL: none. */
	const struct object_type *attrs;
	const char *example;	/* what stands behind "weft NAME" */
	const char *completes;	/* what its argument may be: words, COMPLETE_FILES, or NULL */
	int (*run)(struct cli *cli, int argc, char **argv); /* argv[0]: its name; the exit code */
};

/* Of `completes`: names of files, what is exported (both are the shell's to find), commands. */
#define COMPLETE_FILES "@files"
#define COMPLETE_EXPORTS "@exports"
#define COMPLETE_COMMANDS "@commands"	/* complete.c lists them */

extern const struct command *const commands[];
extern const size_t command_count;

/* NULL: there is none. */
const struct command *command_find(const char *name);
/* All of its options, one after the other: NULL after the last. Headings are among them. */
const struct command_option *command_option(const struct command *command, size_t index);

/* ---- help.c ---- */

/* What "weft --help" and "weft COMMAND --help" print. */
void help_print(void);
void help_print_command(const struct command *command);

/* ---- complete.c ---- */

/*
 * For the shell: prints what the last of the words after "weft" may be, a candidate a
 * line, or COMPLETE_FILES or COMPLETE_EXPORTS. Returns the exit code.
 */
int complete_print(int argc, char **argv);

#endif
