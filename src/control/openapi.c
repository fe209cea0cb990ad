/* SPDX-License-Identifier: BSD-3-Clause */
/* /v1/openapi.json: the routes and the schemas as an OpenAPI 3.1 document. */
#include <ctype.h>
#include <string.h>

#include "control/exchange.h"
#include "control/internal.h"
#include "control/schema.h"

static json_t *describe_argument(const struct route *route, const struct route_argument *argument)
{
	bool of_path = route_is_of_path(route, argument);

	return json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", argument->name, "in",
			 of_path ? "path" : "query", "required", of_path, "description",
			 argument->help, "schema", schema_render(argument->type));
}

static json_t *describe_arguments(const struct route *route)
{
	json_t *array = json_array();

	for (int i = 0; i < ROUTE_ARGUMENTS_MAX && route->arguments[i].name; i++)
		json_array_append_new(array, describe_argument(route, &route->arguments[i]));
	return array;
}

static json_t *describe_content(const char *notation)
{
	return json_pack("{s:{s:o}}", "application/json", "schema", schema_render(notation));
}

static json_t *describe_responses(const struct route *route)
{
	const char *success = route->status == MHD_HTTP_CREATED ? "201" : "200";

	return json_pack("{s:{s:s, s:o}, s:{s:s, s:o}}", success, "description", "Done.",
			 "content", describe_content(route->reply), "default", "description",
			 "Refused.", "content", describe_content("Error"));
}

/* The examples of a route's row, as complete requests. */
static json_t *describe_examples(const struct route *route)
{
	json_t *array = json_array();

	for (int i = 0; i < ROUTE_EXAMPLES_MAX; i++) {
		const struct route_example *example = &route->examples[i];

		if (i > 0 && !example->path && !example->body)
			break;
		json_array_append_new(array, json_pack("{s:s, s:o*}", "path",
						       example->path ? example->path : route->path,
						       "body", example->body ?
						       json_loads(example->body, 0, NULL) : NULL));
	}
	return array;
}

/* The operationId of a route, such as "get_v1_subsystems_nqn". */
static json_t *describe_id(const struct route *route)
{
	char id[96], last = 0;
	size_t length = 0;

	for (const char *c = route->method; *c && length < sizeof(id); c++)
		id[length++] = (char)tolower((unsigned char)*c);
	for (const char *c = route->path; *c && length < sizeof(id); c++) {
		char next = isalnum((unsigned char)*c) ? *c : '_';

		/* adjacent braces and slashes give one "_", and no "_" at the end */
		if (next != '_' || (last != '_' && c[1]))
			id[length++] = last = next;
	}
	return json_stringn(id, length);
}

static json_t *describe_route(const struct route *route)
{
	json_t *body = route->body ? json_pack("{s:b, s:o}", "required", true, "content",
					       describe_content(route->body)) : NULL;

	return json_pack("{s:o, s:s, s:s*, s:s, s:o, s:o*, s:o, s:o}", "operationId",
			 describe_id(route), "summary", route->summary, "description", route->help,
			 "x-weft-scope", route_scope_name(route->scope), "parameters",
			 describe_arguments(route), "requestBody", body, "responses",
			 describe_responses(route), "x-weft-examples", describe_examples(route));
}

static json_t *describe_paths(void)
{
	json_t *paths = json_object();

	for (size_t i = 0; i < route_count; i++) {
		json_t *path = json_object_get(paths, routes[i].path);
		char method[16];
		size_t length = strlen(routes[i].method);

		if (!path) {
			path = json_object();
			json_object_set_new(paths, routes[i].path, path);
		}
		for (size_t j = 0; j <= length && j < sizeof(method); j++)
			method[j] = (char)tolower((unsigned char)routes[i].method[j]);
		json_object_set_new(path, method, describe_route(&routes[i]));
	}
	return paths;
}

static json_t *describe_schemas(void)
{
	json_t *object = json_object();

	for (size_t i = 0; i < schema_count; i++)
		json_object_set_new(object, schemas[i].name, schema_describe(&schemas[i]));
	return object;
}

static json_t *describe_info(void)
{
	return json_pack("{s:s, s:s, s:s, s:{s:s, s:s}}", "title", "weftd", "version", WEFT_VERSION,
			 "summary", "Shares disks with other machines over NVMe/TCP.", "license",
			 "name", "BSD-3-Clause", "identifier", "BSD-3-Clause");
}

int control_get_openapi(struct exchange *exchange, json_t **ret_reply, struct weft_error *error)
{
	return control_reply(
		json_pack("{s:s, s:o, s:o, s:{s:o}}", "openapi", "3.1.0", "info", describe_info(),
			  "paths", describe_paths(), "components", "schemas", describe_schemas()),
		ret_reply, error);
}
