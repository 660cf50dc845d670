/* Why a TLS handshake failed, in words for the person who set it up. The texts go behind "TLS with
 * X failed: ". */
#ifndef BASE_TLS_FAILURE_H
#define BASE_TLS_FAILURE_H

/* `code` is one of X509_V_ERR_*, as SSL_get_verify_result() gives it. */
const char *tls_failure_of_certificate(long code);

/* `reason` is one of SSL_R_*, as ERR_GET_REASON() gives it. */
const char *tls_failure_of_protocol(int reason);

#endif
