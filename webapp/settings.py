"""Every setting, from environment variables; docs/operating.md explains each.

The embedded default (no variable set) keeps everything under var/: SQLite, the
labs' folders, Vagrant's home, a generated secret key.
"""

import os
from pathlib import Path
from urllib.parse import quote

import dj_database_url
from csp.constants import NONCE

from webapp.env import flag, number, package_folder, plain_name, stored_secret, whole_number, words

BASE_DIR = Path(__file__).resolve().parent.parent

# -- folders ------------------------------------------------------------------
VAR_DIR = Path(os.environ.get("VAR_DIR", BASE_DIR / "var")).resolve()
LAB_HOME = Path(os.environ.get("LAB_HOME", VAR_DIR / "labs")).resolve()
ENVIRONMENTS_DIR = Path(os.environ.get("LAB_ENVIRONMENTS", BASE_DIR / "environments")).resolve()
SPOOL_DIR = VAR_DIR / "spool"

# -- web ----------------------------------------------------------------------
DEBUG = flag("DEBUG", default=False)
SECRET_KEY = os.environ.get("SECRET_KEY") or stored_secret(VAR_DIR / "secret_key", 48)
ALLOWED_HOSTS = words("ALLOWED_HOSTS", "localhost 127.0.0.1 [::1]")
CSRF_TRUSTED_ORIGINS = words("CSRF_TRUSTED_ORIGINS")
SECURE_COOKIES = flag("SECURE_COOKIES", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_ENGINE = "webapp.accounts.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 14 * 24 * 3600
TRUST_PROXY = flag("TRUST_PROXY", default=False)
if TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    USE_X_FORWARDED_HOST = True
SECURE_HSTS_SECONDS = whole_number("HSTS_S", 0)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "django_htmx",
    "csp",
    "axes",
    "webapp",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",  # out here, so that pages of errors have it too
    "django.contrib.sessions.middleware.SessionMiddleware",
    "webapp.web.middleware.SiteMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "webapp.web.bounds.Bounds",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "webapp.urls"
ASGI_APPLICATION = "webapp.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["webapp.templatetags.ui"],
        },
    }
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "connect-src": ["'self'"],
        "style-src": ["'self'", NONCE],  # a page that asks for the nonce: xterm.js makes <style> elements
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

# -- people -------------------------------------------------------------------
AUTH_USER_MODEL = "webapp.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "labs"
LOGOUT_REDIRECT_URL = "sign-in"
SETUP_TOKEN = os.environ.get("SETUP_TOKEN", "")  # who knows it may make the first administrator
METRICS_TOKEN = os.environ.get("METRICS_TOKEN", "")  # a bearer token for /metrics and /readyz; "" = none
AXES_FAILURE_LIMIT = whole_number("SIGN_IN_TRIES", 8)
AXES_COOLOFF_TIME = whole_number("SIGN_IN_COOLOFF_S", 300) / 3600  # axes counts in hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "accounts/locked_out.html"
AXES_VERBOSE = False

# -- database -----------------------------------------------------------------
DATABASES = {
    "default": dj_database_url.parse(
        os.environ.get("DATABASE_URL") or f"sqlite:///{quote(str(VAR_DIR / 'lab.sqlite3'))}", conn_max_age=600
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # WAL: readers never wait for the writer. IMMEDIATE: a transaction that will
    # write takes its place in the queue at once instead of failing half way.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16000",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- Redis: Celery's broker and the nudges --------------------------------------
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        # redis-py 8 cuts a quiet connection after 5 s unless told not to.
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None}], "prefix": "lab"},
    }
}

# -- Celery -------------------------------------------------------------------
# Kombu spells a unix socket redis+socket://, redis-py spells it unix://.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=")
# A click does not wait for a Redis that is away: the run is stored, and beat enqueues it again.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
    "socket_connect_timeout": 2,
}
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Tasks are acknowledged before they run; claiming a row (Execution.start) is what
# keeps a redelivered message from running anything twice.
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")

# -- labs ---------------------------------------------------------------------
LAB_HOST = plain_name("LAB_HOST", "local")  # this machine's name as a lab host
LAB_VAGRANT = os.environ.get("LAB_VAGRANT", "")  # path of vagrant; "" = look on the PATH
LAB_SUBNET_POOL = os.environ.get("LAB_SUBNET_POOL", "192.168.56.0/21")
LAB_REHEARSAL_SPEED = number("LAB_REHEARSAL_SPEED", 20)  # times real time
# Where downloads come from in a closed network: MIRROR/HOST/PATH for https://HOST/PATH; "" = the makers.
LAB_MIRROR = os.environ.get("LAB_MIRROR", "").rstrip("/")
LAB_CACHE_DIR = Path(os.environ.get("LAB_CACHE_DIR", VAR_DIR / "cache")).resolve()
LAB_FILES = Path(os.environ.get("LAB_FILES", VAR_DIR / "files")).resolve()  # what definitions may name
LAB_CACHE_GIB = whole_number("LAB_CACHE_GIB", 20)  # the oldest downloads go when it has grown beyond this
# Vagrant's own home: boxes and plugins; kept inside var/ so that nothing is written elsewhere.
LAB_VAGRANT_HOME = Path(os.environ.get("VAGRANT_HOME", VAR_DIR / "vagrant.d")).resolve()
LAB_HEARTBEAT_S = 5
LAB_INJECT_SETTLE_S = whole_number("LAB_INJECT_SETTLE_S", 15)  # an injected program has to live this long
LAB_INJECT_LOCK_S = whole_number("LAB_INJECT_LOCK_S", 60)  # and its file has to be let go within this
LAB_LOST_AFTER_S = whole_number("LAB_LOST_AFTER_S", 20)  # a silent holder is lost after this
LAB_LOOK_EVERY_S = whole_number("LAB_LOOK_EVERY_S", 300)  # machines are looked at so often between runs

# -- builds -------------------------------------------------------------------
BUILD_HOME = Path(os.environ.get("BUILD_HOME", VAR_DIR / "builds")).resolve()  # mirrors, caches, worktrees
ARTIFACT_DIR = Path(os.environ.get("ARTIFACT_DIR", VAR_DIR / "artifacts")).resolve()
BUILD_HOSTS = words("BUILD_HOSTS", "github.com gitlab.com")  # hosts whose repositories may be built
BUILD_LOCAL_REPOSITORIES = words("BUILD_LOCAL_REPOSITORIES")  # folders on the builds' host that may be built
BUILD_TOOLCHAINS = os.environ.get("BUILD_TOOLCHAINS", "")  # a folder whose children are Go installations
BUILD_USER = os.environ.get("BUILD_USER", "nobody")  # who compiles where the worker is root
BUILD_AT_ONCE = whole_number("BUILD_AT_ONCE", 1)
BUILD_LIMIT_S = whole_number("BUILD_LIMIT_S", 4 * 3600)
BUILD_MEMORY_MIB = whole_number("BUILD_MEMORY_MIB", 8192)  # of all processes of one build together
BUILD_FREE_DISK_MIB = whole_number("BUILD_FREE_DISK_MIB", 5120)  # less than this: no build begins
BUILD_FREE_MEMORY_MIB = whole_number("BUILD_FREE_MEMORY_MIB", 1024)
ARTIFACT_QUOTA_MIB = whole_number("ARTIFACT_QUOTA_MIB", 20 * 1024)
UPLOAD_LIMIT_MIB = whole_number("UPLOAD_LIMIT_MIB", 512)  # one binary, uploaded or fetched
BUILD_FOLLOW_S = whole_number("BUILD_FOLLOW_S", 300)  # how often a followed branch is asked for

# -- terminals ----------------------------------------------------------------
SHELLS_PER_LAB = whole_number("SHELLS_PER_LAB", 8)
SHELLS_PER_PERSON = whole_number("SHELLS_PER_PERSON", 8)
SHELL_IDLE_S = whole_number("SHELL_IDLE_S", 4 * 3600)  # nobody types for so long: it is closed
SHELL_SIGN_IN_S = whole_number("SHELL_SIGN_IN_S", 12 * 3600)  # older sign-ins have to sign in again to type
SHELL_FILE_MIB = whole_number("SHELL_FILE_MIB", 100)  # one file that is dragged into or out of a machine
RECORDING_DAYS = whole_number("RECORDING_DAYS", 90)  # 0 = for ever

# -- clusters -----------------------------------------------------------------
NODE_LOG_DAYS = whole_number("NODE_LOG_DAYS", 14)  # logs read from machines, and bundles; 0 = for ever
EGRESS_PROBE = os.environ.get("EGRESS_PROBE", "www.msftconnecttest.com:80")  # the matrix' way out; "" = none
WINRM_CA_FILE = os.environ.get("WINRM_CA_FILE", "")  # who signs WinRM's certificates; "" = the system's list
# A folder on the lab host with op-readiness and e2e.test; "" = readiness is not run from here.
READINESS_DIR = os.environ.get("READINESS_DIR", "")
READINESS_LIMIT_S = whole_number("READINESS_LIMIT_S", 4 * 3600)

# -- files, words, logging ------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = Path(os.environ.get("STATIC_ROOT", VAR_DIR / "static")).resolve()
# Third-party JavaScript out of locked packages (requirements/assets.in); docs/shells.md names the licences.
STATICFILES_DIRS: list[Path | tuple[str, Path]] = [
    BASE_DIR / "static",
    *(("vendor/xterm", folder) for folder in package_folder("nicegui", "elements/xterm/dist")),
    *(("vendor/asciinema", folder) for folder in package_folder("mkdocs_asciinema_player", "assets")),
]
WHITENOISE_USE_FINDERS = True
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        },
        "plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "json" if flag("LOG_JSON", default=False) else "plain",
        }
    },
    "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {
        "daphne": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        # Each tick of beat would say three times that it came and went.
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
    },
}
