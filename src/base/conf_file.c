/* Settings that stand in files: the settings file itself, and files that hold one secret. */
#include "base/conf_table.h"
#include "base/err.h"
#include "base/file.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include <errno.h>
#include <string.h>

enum { SETTINGS_BYTES = 1 << 20, SECRET_BYTES = 64 << 10, SETTINGS_DEPTH = 16 };

static void complain_unreadable(struct conf_job *job, int r, const struct buf *b, const char *path,
                                int error)
{
    char quoted[CONF_QUOTE_BYTES];
    if (r == FILE_E_LARGE)
        conf_complain(job, "%s is larger than %zu bytes", conf_quote(path, quoted), b->max);
    else
        conf_complain(job, "cannot read %s: %s", conf_quote(path, quoted), strerror(error));
}

static int read_setting(struct conf_job *job, const char *name, json_t *value)
{
    if (strcmp(name, "$comment") == 0 || strcmp(name, "$schema") == 0)
        return 0;
    const struct conf_row *row = conf_row_find(name);
    if (row != NULL && strcmp(name, "config") == 0) {
        conf_complain(job, "a settings file cannot name another one; use --config");
        return 0;
    }
    if (row != NULL)
        return conf_set_json(job, row, value);
    char near[CONF_NAME_BYTES];
    if (conf_nearest(name, conf_row_name, NULL, near))
        conf_complain(job, "there is no such setting; did you mean %s?", near);
    else
        conf_complain(job, "there is no such setting");
    return 0;
}

static int read_settings(struct conf_job *job, const char *path, json_t *root)
{
    const char *name;
    json_t *value;
    if (!json_is_object(root)) {
        conf_complain(job, "of type %s; wanted: an object of settings", jsonx_type_name(root));
        return 0;
    }
    json_object_foreach(root, name, value)
    {
        char quoted[CONF_QUOTE_BYTES];
        char *where MEM_AUTO(mem_freep) = mem_printf("%s: %s", path, conf_quote(name, quoted));
        if (where == NULL)
            return err_trace(ERR_NOMEM);
        job->where = where;
        int r = read_setting(job, name, value);
        job->where = path;
        if (r != 0)
            return err_trace(r);
    }
    return 0;
}

int conf_parse_settings(struct conf_job *job, const char *path, const char *text, size_t len_bytes)
{
    json_t *root = NULL;
    int r = conf_parse_json(job, text, len_bytes, SETTINGS_DEPTH, &root);
    if (r == 0 && root != NULL)
        r = read_settings(job, path, root);
    json_decref(root);
    return r;
}

int conf_read_settings(struct conf_job *job, const char *path, bool is_optional, bool *ret_found)
{
    struct buf b;
    int error = 0;
    buf_init(&b, SETTINGS_BYTES);
    int r = file_read(path, &b, &error);
    bool is_absent = r == FILE_E_UNREADABLE && (error == ENOENT || error == ENOTDIR);
    *ret_found = !is_absent;
    if (r > 0 && !(is_absent && is_optional))
        complain_unreadable(job, r, &b, path, error); /* job->where: who named the file */
    if (r == 0) {
        job->where = path;
        job->origin = CONF_FROM_FILE;
        r = conf_parse_settings(job, path, buf_text(&b), b.len);
    }
    buf_deinit(&b);
    return r < 0 ? err_trace(r) : 0;
}

static int set_secret(struct conf_job *job, const struct conf_row *row, struct buf *b)
{
    while (b->len > 0 && strchr("\r\n", b->data[b->len - 1]) != NULL)
        b->data[--b->len] = '\0';
    if (strlen(buf_text(b)) != b->len) {
        conf_complain(job, "the file holds NUL bytes");
        return 0;
    }
    if (b->len == 0) {
        conf_complain(job, "the file is empty");
        return 0;
    }
    return conf_row_is_list(row) ? conf_set_lines(job, row, b->data)
                                 : conf_set_text(job, row, b->data);
}

int conf_read_secret(struct conf_job *job, const struct conf_row *row, const char *path)
{
    struct buf b;
    int error = 0;
    buf_init(&b, SECRET_BYTES);
    int r = file_read(path, &b, &error);
    if (r > 0)
        complain_unreadable(job, r, &b, path, error);
    if (r == 0)
        r = set_secret(job, row, &b);
    if (b.data != NULL)
        explicit_bzero(b.data, b.cap);
    buf_deinit(&b);
    return r < 0 ? err_trace(r) : 0;
}
