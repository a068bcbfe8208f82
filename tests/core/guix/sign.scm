;; Made the files beside it: keys and narinfos signed as Guix signs them, with Guile's own binding of
;; libgcrypt (Debian: guile-3.0, guile-gcrypt). Not run by the tests.
;;   guile --no-auto-compile sign.scm
;; The expressions are those of guix/pki.scm (signature-sexp, bytevector->hash-data) and of
;; guix/scripts/publish.scm (signed-string, narinfo-string).
(use-modules (gcrypt base64) (gcrypt common) (gcrypt hash) (gcrypt pk-crypto)
             (ice-9 format) (rnrs bytevectors))

(define text
  "StorePath: /gnu/store/00bgd045z0d4icpbc2yyz4gx48ak44la-sample-1.0
NarHash: sha256:1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s
NarSize: 226552
References: 26xbg1ndr7hbcncrlf9nhx5is2b25d13-hello-2.12.1 1yr2lzy7hm6dbrpscyyqqimjcjqkljww-glibc-2.38
Deriver: 00bgd045z0d4icpbc2yyz4gx48ak44la-sample-1.0.drv
")

(define files
  "URL: nar/gzip/00bgd045z0d4icpbc2yyz4gx48ak44la-sample-1.0
Compression: gzip
FileSize: 70000
URL: nar/zstd/00bgd045z0d4icpbc2yyz4gx48ak44la-sample-1.0
Compression: zstd
FileSize: 60000
")

(define (signature-sexp data secret-key public-key)
  (string->canonical-sexp
   (format #f "(signature ~a ~a ~a)"
           (canonical-sexp->string data)
           (canonical-sexp->string (sign data secret-key))
           (canonical-sexp->string public-key))))

(define (make name parameters)
  (let* ((pair (generate-key (string->canonical-sexp parameters)))
         (public (find-sexp-token pair 'public-key))
         (data (bytevector->hash-data (sha256 (string->utf8 text))
                                      #:key-type (key-type public)))
         (signature (signature-sexp data (find-sexp-token pair 'private-key) public)))
    (call-with-output-file (string-append name ".pub")
      (lambda (port) (display (canonical-sexp->string public) port)))
    (call-with-output-file (string-append name ".narinfo")
      (lambda (port)
        (format port "~aSignature: 1;guix.example.org;~a~%~a" text
                (base64-encode (string->utf8 (canonical-sexp->string signature))) files)))))

(make "ed25519" "(genkey (ecdsa (curve Ed25519) (flags rfc6979)))")
(make "rsa" "(genkey (rsa (nbits 4:2048)))")
