#ifndef CMAIL_H
#define CMAIL_H

#include <stddef.h>

/// Sends one message over SMTP with libcurl; blocks for up to 60 seconds. Swift cannot call curl's variadic functions.
///
/// `is_cancelled` is asked with `context` at least once a second, on the calling thread; when it says other than 0 the
/// transfer ends there.
///
/// `url` is `smtp://host:port` or `smtps://host:port`; `user` may be NULL; `tls` is 0 (never), 1 (when offered) or
/// 2 (always) for the upgrade of a plain connection. A recipient that the server refuses does not keep the message from
/// the others: `replies`, one a recipient, says what the server answered to each (an SMTP code such as 250 or 550), 0 for
/// those that it was not asked about. Returns 0 when somebody got the message, or a code of curl's with its reason in
/// `error`.
int cmail_send(
    const char *url, const char *user, const char *password, int tls, const char *from,
    const char *const *recipients, size_t recipient_count, int *replies, const char *message, size_t length,
    int (*is_cancelled)(void *context), void *context, char *error, size_t error_size);

#endif
