/*
 * Lines are bounded one by one, because what they quote comes from a file, and cleaned of control
 * characters, because a name with a line break in it must not look like two problems.
 */
#include "graph/problem.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include <string.h>

enum { LISTED_MAX_BYTES = 400, LIST_MAX_BYTES = 1 << 24 }; /* of names: as many as a line takes */
enum { LINE_MAX_BYTES = 2000, LINE_END_BYTES = 8, WORD_MAX_BYTES = 64 };

void problems_init(struct problems *p)
{
    *p = (struct problems){ .count = 0 };
    buf_init(&p->text, (size_t)(PROBLEMS_MAX + 1) * (LINE_MAX_BYTES + LINE_END_BYTES));
}

void problems_deinit(struct problems *p)
{
    buf_deinit(&p->text);
}

/* Bytes of a program's making may be no UTF-8; what stands around them is still worth reading. */
static void add_clean(struct buf *out, const char *text, size_t len)
{
    while (len > 0) {
        size_t right = jsonx_utf8_prefix(text, len);
        for (size_t i = 0; i < right; i++)
            buf_add_char(out, (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i]);
        if (right < len)
            buf_add_char(out, '?');
        right += right < len;
        text += right;
        len -= right;
    }
}

static void add_line(struct problems *p, const char *line)
{
    if (p->text.max - p->text.len < LINE_MAX_BYTES + LINE_END_BYTES)
        return; /* what was joined took the room */
    size_t len = strlen(line);
    bool is_cut = len > LINE_MAX_BYTES;
    if (is_cut)
        len = LINE_MAX_BYTES - jsonx_utf8_partial(line, LINE_MAX_BYTES);
    add_clean(&p->text, line, len);
    buf_add_str(&p->text, is_cut ? "...\n" : "\n");
    if (p->text.fault != 0)
        p->fault = ERR_NOMEM;
}

void problems_add(struct problems *p, const char *file, const char *pointer, const char *remedy,
                  const char *wrong, ...)
{
    va_list args;
    va_start(args, wrong);
    problems_vadd(p, file, pointer, remedy, wrong, args);
    va_end(args);
}

void problems_vadd(struct problems *p, const char *file, const char *pointer, const char *remedy,
                   const char *wrong, va_list args)
{
    if (p->is_muted || p->count++ >= PROBLEMS_MAX)
        return;
    const char *base = p->base == NULL ? "" : p->base;
    bool is_whole = base[0] == '\0' && pointer[0] == '\0';
    char *sentence MEM_AUTO(mem_freep) = mem_vprintf(wrong, args);
    char *line MEM_AUTO(mem_freep) =
        sentence == NULL
            ? NULL
            : mem_printf("%s: %s%s%s%s%s%s", file, base, pointer, is_whole ? "" : ": ", sentence,
                         remedy == NULL ? "" : "; ", remedy == NULL ? "" : remedy);
    if (line == NULL)
        p->fault = ERR_NOMEM;
    else
        add_line(p, line);
}

void problems_close(struct problems *p)
{
    int more = p->count - PROBLEMS_MAX;
    if (more > 0 && buf_addf(&p->text, "and %d more\n", more) != 0)
        p->fault = ERR_NOMEM;
}

void problems_join(struct problems *to, const struct problems *from)
{
    to->count += to->is_muted ? 0 : from->count;
    bool fits = !to->is_muted && from->text.len <= to->text.max - to->text.len;
    if (from->fault != 0 || (fits && buf_add(&to->text, from->text.data, from->text.len) != 0))
        to->fault = ERR_NOMEM;
}

/*
 * Edit distance in which two neighbours that changed places count as one edit (optimal string
 * alignment); three rows suffice. Both words are at most WORD_MAX_BYTES long.
 */
static size_t distance(const char *a, const char *b)
{
    size_t row[3][WORD_MAX_BYTES + 1];
    size_t *before = row[0];
    size_t *last = row[1];
    size_t *now = row[2];
    size_t b_len = strlen(b);
    for (size_t j = 0; j <= b_len; j++)
        last[j] = before[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t least = last[j - 1] + (a[i - 1] != b[j - 1]);
            least = least < last[j] + 1 ? least : last[j] + 1;
            least = least < now[j - 1] + 1 ? least : now[j - 1] + 1;
            bool has_swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            now[j] = has_swap && before[j - 2] + 1 < least ? before[j - 2] + 1 : least;
        }
        size_t *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[b_len];
}

const char *problems_nearest(const char *word, const char *const *names, size_t count)
{
    size_t len = strlen(word);
    if (len > WORD_MAX_BYTES)
        return NULL;
    /* A third of the letters may differ; more is another word. */
    size_t best = (len < 3 ? 1 : len / 3) + 1;
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        if (strlen(names[i]) > WORD_MAX_BYTES)
            continue;
        size_t d = distance(word, names[i]);
        /* A word of two letters is not one of one letter misspelt: something must have been right.
         */
        if (d < best && d < strlen(names[i])) {
            best = d;
            nearest = names[i];
        }
    }
    return nearest;
}

/* "known are a, b, c" */
static char *list_names(const char *const *names, size_t count)
{
    struct buf list;
    buf_init(&list, LIST_MAX_BYTES);
    buf_add_str(&list, count == 0 ? "there is none" : "known are ");
    for (size_t i = 0; i < count && list.len < LISTED_MAX_BYTES; i++)
        buf_addf(&list, "%s%s", i == 0 ? "" : ", ", names[i]);
    if (list.len >= LISTED_MAX_BYTES)
        buf_add_str(&list, " ...");
    return buf_take(&list, NULL);
}

char *problems_hint(const char *word, const char *const *names, size_t count)
{
    const char *nearest = problems_nearest(word, names, count);
    return nearest != NULL ? mem_printf("did you mean \"%s\"?", nearest) : list_names(names, count);
}
