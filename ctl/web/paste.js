// A clip that is pasted anywhere on the page goes into the drop zone, as if it had been dropped there.
document.addEventListener("paste", event => {
  const [file] = event.clipboardData?.files ?? [];
  const box = document.querySelector("#clip input[type=file]");
  if (!file || !box) return;
  const given = new DataTransfer();
  given.items.add(file);
  box.files = given.files;
  box.dispatchEvent(new Event("change", {bubbles: true}));
});
