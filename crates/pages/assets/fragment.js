// Links of the form /start/#/device?user_code=… and /start/#/console?account_id=… name their page behind the hash, which
// browsers do not send. This hands it on.
const PAGES = { "/device": "/device", "/console": "/start/console" };

function follow() {
  const match = /^#(\/[a-z]+)\/?(\?.*)?$/.exec(location.hash);
  const page = match && PAGES[match[1]];
  if (page) location.replace(page + (match[2] ?? ""));
}

addEventListener("hashchange", follow);
follow();
