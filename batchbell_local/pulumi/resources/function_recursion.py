"""Lambda's FunctionRecursionConfig: whether a function may trigger itself through a queue."""

from __future__ import annotations

from .api_form import echo
from .clients import Clients
from .input_rules import one_of
from .property_values import Inputs, Outputs
from .resource_type import ResourceType

DEFAULT = "Terminate"


class FunctionRecursionConfig(ResourceType):
    """Its id is the function's name. The default, which deleting it restores, counts as absent.

    Provider: lambda/function_recursion_config.go.
    """

    token = "aws:lambda/functionRecursionConfig:FunctionRecursionConfig"
    gone = ("ResourceNotFoundException",)
    auto_name = None
    rules = (one_of("recursiveLoop", "Allow", DEFAULT),)
    replaces = frozenset({"functionName"})

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        return str(inputs["functionName"]), self.update(str(inputs["functionName"]), {}, inputs, clients)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        loop = clients("lambda").get_function_recursion_config(FunctionName=id)["RecursiveLoop"]
        if loop == DEFAULT:
            return None
        inputs: Outputs = {"functionName": id, "recursiveLoop": loop}
        return inputs, echo(inputs)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        clients("lambda").put_function_recursion_config(FunctionName=id, RecursiveLoop=news["recursiveLoop"])
        return echo(news)

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        clients("lambda").put_function_recursion_config(FunctionName=id, RecursiveLoop=DEFAULT)
