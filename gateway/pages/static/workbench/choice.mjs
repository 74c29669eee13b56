// Which endpoint and model the workbench is of: choosing another opens it.
const endpoint = document.getElementById("choose-endpoint");
const model = document.getElementById("choose-model");

// Another endpoint has other models: its own default is chosen for it.
endpoint.addEventListener("change", () => {
  location.href = `?endpoint=${encodeURIComponent(endpoint.value)}`;
});
// There is none where no model serves the endpoint.
model?.addEventListener("change", () => model.form.submit());
