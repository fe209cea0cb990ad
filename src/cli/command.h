/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands of weft(1). Each command is a row beside its function, in a file of its
 * own, and a word in the list of commands.c. The row is used for dispatch, help, parsing
 * of options, completion (complete.c) and the list in weft(1) (manual.c).
 */
#ifndef WEFT_CLI_COMMAND_H
#define WEFT_CLI_COMMAND_H

#include <stddef.h>

struct cli;
struct object_type;

struct command_option {
	const char *name;	/* without "--"; NULL: the end of the list; "": a heading */
	int id;			/* the option's letter, or CLI_OPT_OWN and up */
	const char *value;	/* "SIZE", its name in help; NULL: no value */
	const char *help;	/* a sentence without capital and full stop; the heading's text */
	const char *completes;	/* candidates for its value, as command.completes */
};

enum command_kind {
	COMMAND_ALONE,		/* has --help */
	COMMAND_OF_WEFTD,	/* talks to weftd: also has --json and --socket */
	COMMAND_OF_HOST,	/* is an NVMe host: also has the options of hostcmd.h */
};

struct command {
	const char *name;
	const char *arguments;	/* "[ADDRESS] NQN"; one line for each usage */
	const char *summary;	/* one line without capital and full stop */
	const char *text;	/* the description in help */
	enum command_kind kind;
	const struct command_option *options; /* its own options; NULL: none */
	/* Then options for attributes of this type that an export may set (attrs.h); or NULL. */
	const struct object_type *attrs;
	const char *example;	/* the text after "weft NAME" */
	const char *completes;	/* candidates for its argument: words, COMPLETE_FILES, or NULL */
	int (*run)(struct cli *cli, int argc, char **argv); /* argv[0]: its name. Exit code */
};

/* Values of `completes`: file names and exports, which the shell finds, and commands. */
#define COMPLETE_FILES "@files"
#define COMPLETE_EXPORTS "@exports"
#define COMPLETE_COMMANDS "@commands"	/* complete.c lists the commands */

extern const struct command *const commands[];
extern const size_t command_count;

/* The command of that name, or NULL. */
const struct command *command_find(const char *name);
/* The command's option at an index, headings included; NULL after the last. */
const struct command_option *command_option(const struct command *command, size_t index);

/* ---- help.c ---- */

/* Print the text of "weft --help" and "weft COMMAND --help". */
void help_print(void);
void help_print_command(const struct command *command);

/* ---- complete.c ---- */

/*
 * Completes the last of the words after "weft" for the shell: prints one candidate a
 * line, or COMPLETE_FILES or COMPLETE_EXPORTS. Returns the exit code.
 */
int complete_print(int argc, char **argv);

#endif
