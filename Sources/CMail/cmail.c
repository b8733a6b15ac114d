#include "cmail.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

// The option was renamed; before 7.69 there was none, and one refusal was a refusal of the whole.
#if LIBCURL_VERSION_NUM >= 0x080200
#define ALLOW_REFUSALS CURLOPT_MAIL_RCPT_ALLOWFAILS
#elif LIBCURL_VERSION_NUM >= 0x074500
#define ALLOW_REFUSALS CURLOPT_MAIL_RCPT_ALLLOWFAILS
#endif

struct source {
    const char *bytes;
    size_t left;
};

static size_t read_source(char *buffer, size_t size, size_t count, void *context) {
    struct source *source = context;
    size_t room = size * count;
    size_t taken = source->left < room ? source->left : room;
    memcpy(buffer, source->bytes, taken);
    source->bytes += taken;
    source->left -= taken;
    return taken;
}

/// Who is being asked about.
struct dialogue {
    int *replies;
    size_t count;
    /// Recipients that were named so far.
    size_t named;
    int is_waiting;
};

/// curl does not say which recipients were refused: the commands and answers on the line do, one after the other.
static int listen_in(CURL *curl, curl_infotype type, char *data, size_t size, void *context) {
    (void)curl;
    struct dialogue *dialogue = context;
    static const char command[] = "RCPT TO:";
    if (type == CURLINFO_HEADER_OUT) {
        dialogue->is_waiting = size >= sizeof command - 1 && memcmp(data, command, sizeof command - 1) == 0;
        if (dialogue->is_waiting) dialogue->named++;
    } else if (type == CURLINFO_HEADER_IN && dialogue->is_waiting && size >= 3) {
        int code = 0;
        for (size_t index = 0; index < 3; index++) {
            if (data[index] < '0' || data[index] > '9') return 0;
            code = code * 10 + (data[index] - '0');
        }
        if (dialogue->named <= dialogue->count) dialogue->replies[dialogue->named - 1] = code;
        dialogue->is_waiting = 0;
    }
    return 0;
}

/// Who may want the transfer to end early.
struct caller {
    int (*is_cancelled)(void *context);
    void *context;
};

static int ask_caller(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up) {
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    struct caller *caller = context;
    return caller->is_cancelled(caller->context) != 0;
}

int cmail_send(
    const char *url, const char *user, const char *password, int tls, const char *from,
    const char *const *recipients, size_t recipient_count, int *replies, const char *message, size_t length,
    int (*is_cancelled)(void *context), void *context, char *error, size_t error_size) {
    for (size_t index = 0; index < recipient_count; index++) replies[index] = 0;
    if (error_size == 0) return CURLE_FAILED_INIT;
    error[0] = 0;
    CURL *curl = curl_easy_init();
    if (curl == NULL) {
        snprintf(error, error_size, "libcurl cannot be used");
        return CURLE_FAILED_INIT;
    }
    struct curl_slist *list = NULL;
    for (size_t index = 0; index < recipient_count; index++) {
        struct curl_slist *longer = curl_slist_append(list, recipients[index]);
        if (longer == NULL) {
            curl_slist_free_all(list);
            curl_easy_cleanup(curl);
            return CURLE_OUT_OF_MEMORY;
        }
        list = longer;
    }
    char reason[CURL_ERROR_SIZE] = "";
    struct source source = {message, length};
    struct dialogue dialogue = {replies, recipient_count, 0, 0};
    struct caller caller = {is_cancelled, context};
    curl_easy_setopt(curl, CURLOPT_URL, url);
    if (user != NULL) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, password == NULL ? "" : password);
    }
    long ssl = tls == 2 ? CURLUSESSL_ALL : tls == 1 ? CURLUSESSL_TRY : CURLUSESSL_NONE;
    curl_easy_setopt(curl, CURLOPT_USE_SSL, ssl);
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, list);
#ifdef ALLOW_REFUSALS
    curl_easy_setopt(curl, ALLOW_REFUSALS, 1L);
#endif
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_source);
    curl_easy_setopt(curl, CURLOPT_READDATA, &source);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, listen_in);
    curl_easy_setopt(curl, CURLOPT_DEBUGDATA, &dialogue);
    curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, ask_caller);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &caller);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 15L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    // Settings of the environment are for browsing, not for mail.
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) snprintf(error, error_size, "%s", reason[0] ? reason : curl_easy_strerror(code));
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
    return (int)code;
}
