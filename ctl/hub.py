"""Checkpoints to and from the Hugging Face Hub, or another server that speaks its protocol (`HF_ENDPOINT`).

A checkpoint repo holds `config.json`, `model.safetensors` and the model card `README.md`; nothing else is read.

The Hub's own client does the transfers and the caching. Added here: one short question before each download, because
the client retries for half a minute when nobody answers; a check of the weights against the checksum that the Hub
announced, which the client leaves out; and errors in one sentence.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Final, TypeVar

from huggingface_hub import HfApi, constants, get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import httpx, validate_repo_id

from ctl.errors import HubError, InputError

CONFIG: Final = "config.json"
WEIGHTS: Final = "model.safetensors"
CARD: Final = "README.md"
PUSHED: Final = ("*.safetensors", "*.json", "*.md")

ANSWER_SECONDS: Final = 3.0
"""How long the Hub may take to answer the question before a download, name look-up and all its addresses included."""

T = TypeVar("T")

_COMMIT = re.compile(r"[0-9a-f]{40}")
_REVISION = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*", re.ASCII)


class HubUnreachableError(HubError):
    """Nobody answered, and the checkpoint isn't in the cache."""


@dataclass(frozen=True)
class HubRef:
    """A checkpoint on the Hub.

    Args:
        repo_id: owner/name.
        revision: branch, tag or commit.
    """

    repo_id: str
    revision: str

    def __str__(self) -> str:
        return f"{self.repo_id}@{self.revision}"


@dataclass(frozen=True)
class HubFiles:
    """A checkpoint in the local cache.

    Args:
        config, weights: the two files.
        commit: the revision that they belong to, 40 hexadecimal digits.
    """

    config: Path
    weights: Path
    commit: str


def parse_ref(text: str) -> HubRef:
    """Read "owner/name" or "owner/name@revision". Raises InputError if it is neither."""
    repo_id, at, revision = text.partition("@")
    try:
        validate_repo_id(repo_id)
    except HFValidationError:
        repo_id = ""
    if repo_id.count("/") != 1 or (at and (not _REVISION.fullmatch(revision) or ".." in revision)):
        raise InputError(f"{text!r} is neither a folder here nor a Hub id: write owner/name or owner/name@revision")
    return HubRef(repo_id, revision or constants.DEFAULT_REVISION)


def fetch(ref: str) -> HubFiles:
    """Bring a checkpoint into the local cache and check it.

    A commit that is cached makes no request. If the Hub can't be reached, or `HF_HUB_OFFLINE` is set, what is
    cached of the revision is taken.

    Args:
        ref: owner/name, or owner/name@revision.
    Raises:
        InputError: ref is no Hub id.
        HubUnreachableError: nobody answers within three seconds, and nothing is cached.
        HubError: no such repo, revision or file; a download that is cut short or damaged.
    """
    repo = parse_ref(ref)
    pinned = _COMMIT.fullmatch(repo.revision) is not None
    files = (_cached(repo) if pinned else None) or _refresh(repo)
    _verify(files.weights, repo)
    return files


def push(folder: Path, repo_id: str, *, private: bool = False, message: str = "Upload checkpoint") -> str:
    """Send a checkpoint folder with its model card to the Hub; the repo is created if it is missing.

    Only `*.safetensors`, `*.json` and `*.md` are sent. The token comes from `hf auth login` or `HF_TOKEN`.

    Returns:
        Address of the commit.
    Raises:
        InputError: repo_id is no Hub id, or the folder lacks a file.
        HubError: no permission, or nobody answers.
    """
    target = parse_ref(repo_id)
    missing = [name for name in (CONFIG, WEIGHTS, CARD) if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"{folder} has no {' and no '.join(missing)}: a pushed checkpoint has weights, config and card"
        )
    with _one_sentence(target):
        api = HfApi()
        api.create_repo(target.repo_id, private=private, exist_ok=True)
        commit = api.upload_folder(
            repo_id=target.repo_id,
            folder_path=folder,
            revision=target.revision,
            allow_patterns=list(PUSHED),
            commit_message=message,
        )
    return commit.commit_url


def _cached(ref: HubRef) -> HubFiles | None:
    """What the cache holds of a revision, without any request: the client's own download asks even then."""
    weights = try_to_load_from_cache(ref.repo_id, WEIGHTS, revision=ref.revision)
    if not isinstance(weights, str):
        return None
    commit = Path(weights).parent.name
    config = try_to_load_from_cache(ref.repo_id, CONFIG, revision=commit)
    return HubFiles(Path(config), Path(weights), commit) if isinstance(config, str) else None


def _refresh(ref: HubRef) -> HubFiles:
    """Fetch from the Hub if it answers, or else take what is cached."""
    with _one_sentence(ref):
        trouble = _ask(ref)
        if trouble is None:
            return _download(ref)
    files = _cached(ref)
    if files is None:
        raise HubUnreachableError(
            f"{constants.ENDPOINT} can't be reached and {ref} isn't cached: connect, or give a local folder ({trouble})"
        )
    return files


def _download(ref: HubRef) -> HubFiles:
    """Both files, of the same commit even if the branch moves meanwhile."""
    weights = Path(hf_hub_download(ref.repo_id, WEIGHTS, revision=ref.revision, etag_timeout=ANSWER_SECONDS))
    commit = weights.parent.name
    config = Path(hf_hub_download(ref.repo_id, CONFIG, revision=commit, etag_timeout=ANSWER_SECONDS))
    return HubFiles(config, weights, commit)


def _ask(ref: HubRef) -> Exception | None:
    """One short request, without retries. Returns why the Hub can't be reached; None if it answers."""
    url = hf_hub_url(ref.repo_id, WEIGHTS, revision=ref.revision)
    try:
        answer = _within(ANSWER_SECONDS, lambda: get_hf_file_metadata(url, timeout=ANSWER_SECONDS))
    except TimeoutError:
        return TimeoutError(f"no answer within {ANSWER_SECONDS:g} seconds")
    except (httpx.TransportError, OfflineModeIsEnabled) as error:
        return error
    except HfHubHTTPError as error:
        if error.response.status_code < 500:
            raise
        return error
    return None if answer.commit_hash else ConnectionError("the answer isn't a Hub's")


def _within(seconds: float, call: Callable[[], T]) -> T:
    """Result of a call that may hang if no timeout of its own reaches. Raises TimeoutError."""
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(call())
        except Exception as error:
            result.set_exception(error)

    Thread(target=run, daemon=True).start()
    return result.result(timeout=seconds)


def _verify(weights: Path, ref: HubRef) -> None:
    """Compare the weights with the checksum that the Hub announced: the cache's link points to a file of that name.

    A damaged file leaves the cache, so that the next try fetches it again. Small weights that the Hub keeps in git are
    named by another hash, and a cache without links (some Windows set-ups) has none: then there is nothing to compare.
    """
    blob = weights.parent / weights.readlink() if weights.is_symlink() else weights
    if not re.fullmatch(r"[0-9a-f]{64}", blob.name):
        return
    with blob.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != blob.name:
        blob.unlink()
        raise HubError(
            f"{WEIGHTS} of {ref} arrived damaged: its SHA-256 is {digest[:12]}…, the Hub announced {blob.name[:12]}…; "
            "it was removed, try again"
        )


@contextmanager
def _one_sentence(ref: HubRef) -> Iterator[None]:
    """Turn the client's errors into a HubError that names the thing and the remedy."""
    try:
        yield
    except GatedRepoError as error:
        raise HubError(f"{ref.repo_id} asks for permission: request it on its page, then `hf auth login`") from error
    except RepositoryNotFoundError as error:
        raise HubError(
            f"there is no model {ref.repo_id} at {constants.ENDPOINT}, or it is private: check the name, "
            "or log in with `hf auth login`"
        ) from error
    except RevisionNotFoundError as error:
        raise HubError(f"{ref.repo_id} has no revision {ref.revision!r}: give a branch, a tag or a commit") from error
    except RemoteEntryNotFoundError as error:
        name = error.response.url.path.rpartition("/")[2]
        raise HubError(f"{ref} has no {name}: it isn't a checkpoint of this project") from error
    except HfHubHTTPError as error:
        if error.response.status_code in (401, 403):
            raise HubError(f"{constants.ENDPOINT} refuses access to {ref.repo_id}: `hf auth login` first") from error
        raise HubError(f"{constants.ENDPOINT} answered {error.response.status_code} for {ref}: try later") from error
    except (httpx.HTTPError, OfflineModeIsEnabled, LocalEntryNotFoundError) as error:
        raise HubUnreachableError(f"{constants.ENDPOINT} can't be reached: {error}") from error
    except OSError as error:
        if "Consistency check" in str(error):
            raise HubError(f"the download of {ref} was cut short: try again") from error
        raise HubError(f"{ref} can't be transferred: {error}") from error
