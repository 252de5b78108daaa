//! The notes of a recording, which say why the probe sent a request.

macro_rules! notes {
    ($($name:ident = $text:literal,)*) => {
        $(pub(crate) const $name: &str = $text;)*
    };
}

/// The beginning of the notes of paid requests.
pub(crate) const PAID: &str = "paid: ";

notes! {
    DOCUMENT = "document",
    ACCOUNT = "account",
    LIST = "list",
    PAGE_1 = "page 1 of one item",
    PAGE_2 = "page 2 of one item",
    LARGEST = "limit 100",
    BEYOND = "offset beyond the end",
    TOO_LARGE = "limit 101",
    INVALID_LIMIT = "limit that is not a number",
    OF_SCENE = "assets of a scene",
    SEARCH = "search",
    CATEGORY = "category",
    KNOWN = "known",
    RECORD = "with its record",
    RESULT = "with its result",
    FILE = "file",
    FILE_RANGE = "first bytes of a file",
    UNKNOWN_ID = "unknown id",
    NO_KEY = "without a key",
    WRONG_KEY = "with an unknown key",
    NO_ROUTE = "unknown path",
    WRONG_METHOD = "wrong method",
    INVALID_FORMAT = "unknown format",
    EARLY_ACCESS = "early access",
    EXPORT = "export",
    ROBOT_EXPORT = "export with a robot",
    EXPORT_RANGE = "first bytes of an export",
    BASELINE = "before a paid request",
    PAID_SCENE = "paid: scene",
    PAID_EDIT = "paid: edit",
    PAID_ASSET = "paid: asset",
    PAID_CANCELLED = "paid: scene to cancel",
    POLL = "status while it runs",
    LIST_WHILE_RUNNING = "list while it runs",
    STREAM = "stream",
    STREAM_ENDED = "stream after the end",
    STREAM_AFTER = "stream after event 2",
    STREAM_INVALID = "stream after an invalid number",
    STREAM_LAST_EVENT_ID = "stream with Last-Event-ID 2",
    MADE = "made by the probe",
    RENAME = "change of the description",
    RENAMED = "after the change",
    CANCEL = "cancel",
    CANCEL_AGAIN = "cancel again",
    POLL_CANCELLED = "status after cancelling",
    CANCELLED_SCENE = "scene of a cancelled job",
    DELETE = "delete",
    DELETED = "after deleting",
}
