"""What each model of asynchronous generation takes, and what that is billed as: declared as data, in TOML.

`read_task` and `describe` speak for the models that are shipped; see `shipped`. To add a model, add its table to one
of the TOML files of this folder and a route to the catalog: there is no code to write.
"""

from gateway.task_models.reading import TaskParameters
from gateway.task_models.shipped import describe, read_task

__all__ = ["TaskParameters", "describe", "read_task"]
