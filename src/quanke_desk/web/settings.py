"""Settings of the desk. All that a bank sets comes from the environment (docs/how-to/run-the-desk.md)."""

from __future__ import annotations

import os
from pathlib import Path

from quanke_desk.foundation.log_records import LOGGING as LOGGING  # no value of a customer in a log
from quanke_desk.web.places import channels, database, mailbox, secret, sign_on

HERE = Path(__file__).parent

QUANKE_HOME = os.environ.get("QUANKE_HOME", "")
QUANKE_DEMO = os.environ.get("QUANKE_DESK_DEMO") == "1"
HTTPS = os.environ.get("QUANKE_DESK_HTTPS", "0" if QUANKE_DEMO else "1") == "1"

QUANKE_PROXIES = int(os.environ.get("QUANKE_DESK_PROXIES", "0"))  # the bank's own, in front of the desk
QUANKE_SIGN_ON = sign_on(os.environ)
QUANKE_CHANNELS = channels(os.environ)
QUANKE_MAILBOX = mailbox(os.environ)
QUANKE_PUBLIC = os.environ.get("QUANKE_DESK_PUBLIC", "").rstrip("/")  # where customers reach the desk's links
QUANKE_SIGN_ON_SECOND = os.environ.get("QUANKE_DESK_OIDC_SECOND", "1") == "1"

SECRET_KEY = secret(QUANKE_HOME)
DEBUG = False
ALLOWED_HOSTS = os.environ.get("QUANKE_DESK_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
DATABASES = {"default": database(QUANKE_HOME, os.environ.get("QUANKE_DESK_DATABASE", ""))}

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "ninja",
    "quanke_desk.foundation",
    "quanke_desk.customers",
    "quanke_desk.books",
    "quanke_desk.work",
    "quanke_desk.campaigns",
    "quanke_desk.web",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "quanke_desk.web.headers.StaticFiles",
    "quanke_desk.web.headers.SecurityHeaders",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "quanke_desk.foundation.asked_once.AskedOnce",
    "quanke_desk.foundation.sessions.SessionLimits",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "quanke_desk.web.urls"
WSGI_APPLICATION = "quanke_desk.web.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "quanke_desk.web.shell.shell",
            ],
        },
    }
]

AUTH_USER_MODEL = "foundation.Person"
LOGIN_URL, LOGIN_REDIRECT_URL, LOGOUT_REDIRECT_URL = "login", "home", "login"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("UserAttributeSimilarityValidator", {"user_attributes": ("username", "name", "email", "staff_id")}),
        ("MinimumLengthValidator", {"min_length": 10}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
    )
]
SESSION_COOKIE_AGE = 24 * 3600  # the outer limit: parameters session.hours and session.idle hold first
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 365 * 86400 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
# The desk itself speaks http: the proxy with the certificate says what the browser spoke.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"  # no address of a customer's page leaves the bank
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LOCALE_PATHS = [HERE / "locale"]
LANGUAGE_COOKIE_HTTPONLY, LANGUAGE_COOKIE_SAMESITE, LANGUAGE_COOKIE_SECURE = True, "Lax", HTTPS
TIME_ZONE, USE_TZ = "Asia/Shanghai", True

STATIC_URL = "/static/"
STATIC_ROOT = HERE / "served"
WHITENOISE_USE_FINDERS = True
FILE_UPLOAD_MAX_MEMORY_SIZE = 6 * 2**20  # a list of customers that is brought never touches the disk
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
