"""Lambda's FunctionRecursionConfig: whether a function may trigger itself through a queue."""

from __future__ import annotations

from .clients import Clients
from .errors import is_gone, suppress_gone
from .input_rules import one_of
from .resource_type import Inputs, Outputs, ResourceType, echo

GONE = "ResourceNotFoundException"
DEFAULT = "Terminate"


class FunctionRecursionConfig(ResourceType):
    """Its id is the function's name. The default, which deleting it restores, counts as absent.

    Provider: lambda/function_recursion_config.go.
    """

    token = "aws:lambda/functionRecursionConfig:FunctionRecursionConfig"
    auto_name = None
    rules = (one_of("recursiveLoop", "Allow", DEFAULT),)
    replaces = frozenset({"functionName"})

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        return str(inputs["functionName"]), self.update(str(inputs["functionName"]), {}, inputs, clients)

    def read(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        try:
            loop = clients("lambda").get_function_recursion_config(FunctionName=id)["RecursiveLoop"]
        except Exception as error:
            if is_gone(error, GONE):
                return None
            raise
        if loop == DEFAULT:
            return None
        inputs: Outputs = {"functionName": id, "recursiveLoop": loop}
        return inputs, echo(inputs)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        clients("lambda").put_function_recursion_config(FunctionName=id, RecursiveLoop=news["recursiveLoop"])
        return echo(news)

    def delete(self, id: str, old: Inputs, clients: Clients) -> None:
        with suppress_gone(GONE):
            clients("lambda").put_function_recursion_config(FunctionName=id, RecursiveLoop=DEFAULT)
