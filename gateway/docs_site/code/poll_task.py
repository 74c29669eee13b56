"""Opens a task and waits for its end."""

import os
import time

import httpx

client = httpx.Client(
    base_url=f"{os.environ['AIO_BASE_URL']}/api/v1",
    headers={"Authorization": f"Bearer {os.environ['AIO_API_KEY']}"},
)
opened = client.post("/images/generations", json={"model": "flux-2", "prompt": "A garden in spring"})
opened.raise_for_status()
task_id = opened.json()["data"]["task_id"]
while True:
    task = client.get(f"/tasks/{task_id}").json()["data"]
    if task["status"] in ("SUCCESS", "FAILED"):
        break
    time.sleep(2)
print(task["status"], task["consumed_credits"], task.get("response") or task.get("error_message"))
