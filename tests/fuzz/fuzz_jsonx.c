/* The JSON reader against jansson's: what both take must be equal, what ours takes jansson must take, and what we print must read back. */
#include "base/jsonx.h"
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const json_t *json)
{
    json_t *again = NULL;
    struct jsonx_error error;
    size_t len = 0;
    char *text = jsonx_text(json, (size_t)1 << 24, &len);

    if (text == NULL || jsonx_parse(text, len, 100, &again, &error) != 0 || !json_equal(json, again))
        abort();
    json_decref(again);
    mem_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    json_t *ours = NULL;
    struct jsonx_error error;
    json_error_t their_error;
    int r = jsonx_parse(bytes, size, 100, &ours, &error);
    json_t *theirs = json_loadb(bytes, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &their_error);

    /* What ours refuses and jansson takes: depth, and a NUL byte behind the value, which jansson takes for the end. */
    if (r == 0 && (theirs == NULL || !json_equal(ours, theirs)))
        abort();
    if (r != 0 && r != JSONX_E_DEPTH && theirs != NULL && memchr(bytes, 0, size) == NULL)
        abort();
    if (r == 0)
        check_round_trip(ours);
    json_decref(ours);
    json_decref(theirs);
    return 0;
}
