#include "base/tls_failure.h"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

const char *tls_failure_of_certificate(long code)
{
	switch (code) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		return "its certificate was not issued by the given CA";
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return "its certificate is made out to another name";
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return "its certificate has expired";
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "its certificate is not valid yet; are the clocks right?";
	default:
		return "its certificate is not valid";
	}
}

const char *tls_failure_of_protocol(int reason)
{
	switch (reason) {
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
		return "it does not trust the CA of our certificate";
	case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
		return "it has another CA under the name of ours";
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
		return "it refuses our certificate; it may know us by another name";
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
		return "it takes our certificate for expired; are the clocks right?";
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return "it has no certificate";
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		return "it does not speak TLS 1.3";
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
		return "it does not speak TLS";
	default:
		return "the handshake broke off";
	}
}
