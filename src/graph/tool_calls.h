#ifndef ANABRANCH_GRAPH_TOOL_CALLS_H
#define ANABRANCH_GRAPH_TOOL_CALLS_H
/* The tool calls of an AI message: from any form to {name,args,id,type:"tool_call"}, and to
 * OpenAI's form. */
#include "base/fail.h"
#include <jansson.h>

enum { TOOL_CALLS_E_REFUSED = 1 };

/*
 * message: a flat AI message in the making, with arrays tool_calls and invalid_tool_calls; both are
 * replaced if there is a call. A call whose arguments are no JSON object moves to
 * invalid_tool_calls. Returns 0, TOOL_CALLS_E_REFUSED (f), or a fault.
 */
int tool_calls_flatten(json_t *message, struct fail *f);

/* A flat AI message's calls, invalid ones included, as providers take them. A new array, maybe
 * empty; NULL: no memory. */
json_t *tool_calls_to_openai(const json_t *message);

#endif
