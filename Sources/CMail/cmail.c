#include "cmail.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

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

int cmail_send(
    const char *url, const char *user, const char *password, int tls, const char *from,
    const char *const *recipients, size_t recipient_count, const char *message, size_t length, char *error,
    size_t error_size) {
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
    curl_easy_setopt(curl, CURLOPT_URL, url);
    if (user != NULL) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, password == NULL ? "" : password);
    }
    long ssl = tls == 2 ? CURLUSESSL_ALL : tls == 1 ? CURLUSESSL_TRY : CURLUSESSL_NONE;
    curl_easy_setopt(curl, CURLOPT_USE_SSL, ssl);
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, list);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_source);
    curl_easy_setopt(curl, CURLOPT_READDATA, &source);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
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
