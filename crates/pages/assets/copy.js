// Gives every block that can be copied a button. Without this script the text is selected by hand.
const status = document.createElement("p");
status.setAttribute("role", "status");
status.className = "hidden-visually";
document.querySelector("main").append(status);

function select(block) {
  const range = document.createRange();
  range.selectNodeContents(block);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

for (const block of document.querySelectorAll("[data-copy]")) {
  const button = document.createElement("button");
  const label = document.createElement("span");
  label.textContent = "Copy";
  const what = document.createElement("span");
  what.className = "hidden-visually";
  what.textContent = ` ${block.dataset.copy}`;
  button.type = "button";
  button.append(label, what);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(block.textContent);
      label.textContent = "Copied";
      status.textContent = `Copied: ${block.dataset.copy}`;
    } catch {
      // The clipboard needs https or this machine; the selection works everywhere.
      select(block);
      label.textContent = "Selected: press Ctrl+C";
      status.textContent = "Selected: press Control C to copy";
    }
    setTimeout(() => {
      label.textContent = "Copy";
    }, 4000);
  });
  (block.closest("pre") ?? block).after(button);
}
