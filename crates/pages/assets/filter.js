// Filters the list of accounts while one types. Without this script the same form asks the server.
const box = document.querySelector("input[data-filter]");
const list = document.querySelector("[data-accounts]");

function start() {
  const accounts = [...list.children].map((item) => {
    const own = item.querySelector("[data-own]").textContent.toLowerCase();
    const roles = [...item.querySelectorAll("[data-role]")].map((role) => ({
      role,
      text: role.querySelector("b").textContent.toLowerCase(),
    }));
    return { item, own, roles, more: item.querySelector("details") };
  });
  const count = document.querySelector("[data-count]");
  const none = document.querySelector("[data-none]");
  const everything = count.textContent;
  let announcement;

  function apply() {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let accountsShown = 0;
    let rolesShown = 0;
    for (const { item, own, roles, more } of accounts) {
      // Words that the account itself has are met for all of its roles; a role must have the others.
      const open = words.filter((word) => !own.includes(word));
      let shown = 0;
      for (const { role, text } of roles) {
        role.hidden = !open.every((word) => text.includes(word));
        if (!role.hidden) shown += 1;
      }
      item.hidden = shown === 0;
      if (more && words.length > 0) more.open = true;
      if (shown > 0) accountsShown += 1;
      rolesShown += shown;
    }
    none.hidden = accountsShown > 0;
    clearTimeout(announcement);
    announcement = setTimeout(() => {
      const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
      count.textContent =
        words.length === 0 ? everything : `${plural(accountsShown, "account")}, ${plural(rolesShown, "role")}`;
    }, 300);
  }

  box.addEventListener("input", apply);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && box.value !== "") {
      box.value = "";
      apply();
      event.preventDefault();
    }
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, textarea, select");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      box.focus();
      event.preventDefault();
    }
  });
}

// A list that shows only a part must ask the server, which knows the rest.
if (box && list && list.dataset.accounts === "all") start();
