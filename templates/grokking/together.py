"""All trainings of a run as one batched program: for a GPU, where launching small kernels takes most of the time.

Every training is the function `train` of experiment.py as it stands, in a thread of its own; one thread runs at a time.
`train` hands its model to `join`. From then on a training that calls its model waits until the others have called
theirs, and models that are alike compute as one: their parameters are stacked, and torch.func.vmap runs the model's own
`forward` over them. So it is with `loss.backward()`. All else, from the first weights to the optimizer, is each
training's own, random numbers included: an edit of it needs to know nothing of this file.

Whether it is right is not taken for granted. At first, and again every CHECK_EVERY steps, each model also computes by
itself, and its answers and gradients are compared. Where they differ, or where a model cannot be batched (it draws
random numbers, branches on its data, changes a buffer as BatchNorm does, ...), Apart is raised, and the run starts over
with one training at a time.

Not seen: a model that changes how it computes, by a rule that is not in its parameters and buffers and in a different
way in each training, and that changes back before the next check.
"""

import random
import threading
from collections.abc import Callable, Hashable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

CHECK_EVERY = 500  # steps; a check takes about as long as one step of each training by itself
CLOSE = 1e-3  # how far apart answers and gradients may be, as a part of their norm: rounding stays far below

Job = TypeVar("Job")
Result = TypeVar("Result")
Join = Callable[[nn.Module], nn.Module]


REGISTER = (
    nn.modules.module.register_module_parameter_registration_hook,
    nn.modules.module.register_module_buffer_registration_hook,
    nn.modules.module.register_module_module_registration_hook,
)


class Apart(Exception):
    """The trainings cannot be computed as one; says why."""


class Over(BaseException):
    """Ends the thread of a training whose run is over. No `except Exception` of an edit shall catch it."""


def train_together(jobs: Sequence[Job], train: Callable[[Job, Join], Result]) -> tuple[list[Result], str]:
    """(`train(job, join)` of each job, what was computed together, in words).

    Raises Apart where that cannot be, and what a training raises.
    """
    crew = [Training(job, train) for job in jobs]

    def forget(*_: object) -> None:
        for training in crew:
            training.forms.clear()

    # Where a model's parameters are is looked up once, as it takes long, and anew when any module is given a part.
    hooks = [register(forget) for register in REGISTER]
    try:
        while living := [training for training in crew if not training.over]:
            ready = [training for training in living if training.asks is None]
            for training in ready or [lead(living)]:
                training.run_on()
                if training.error is not None:
                    raise training.error
    finally:
        for hook in hooks:
            hook.remove()
        for training in crew:
            training.end()
    calls = sum(training.calls for training in crew)
    shared = sum(training.shared for training in crew)
    how = f"{shared} of {calls} calls of models were computed together"
    if not calls:
        how = "one training at a time, as `train` does not call a model that it has handed to `join`"
    return [training.result for training in crew], how


def lead(living: list["Training"]) -> "Training":
    """All wait: the first of those that are furthest behind shall compute for all that wait for the same."""
    behind = min(living, key=lambda training: training.asks.order)
    group = [training for training in living if training.asks.same == behind.asks.same]
    behind.leads = group
    return behind


class Form:
    """Where the parameters and buffers of a model are."""

    def __init__(self, model: nn.Module) -> None:
        modules = dict(model.named_modules())
        names = [name for name, _ in model.named_parameters()], [name for name, _ in model.named_buffers()]
        split = [[(name, *name.rpartition(".")[::2]) for name in each] for each in names]
        self.places = [(name, modules[owner]._parameters, key) for name, owner, key in split[0]]
        self.buffer_places = [(name, modules[owner]._buffers, key) for name, owner, key in split[1]]
        kinds = [(name, it.shape, it.dtype) for each in (self.parameters, self.buffers) for name, it in each().items()]
        self.kind = (model.__class__.__qualname__, *kinds)

    def parameters(self) -> dict[str, Any]:
        return {name: owner[key] for name, owner, key in self.places}

    def buffers(self) -> dict[str, Any]:
        return {name: owner[key] for name, owner, key in self.buffer_places}


@dataclass
class Asked:
    """What a training waits for: `compute` answers those that ask for the `same`, those behind in `order` first."""

    order: tuple[int, int]
    same: Hashable
    compute: Callable[[list["Training"]], None]
    model: Any = None
    form: Any = None
    inputs: tuple[Tensor, ...] = ()
    forward: Callable[..., Tensor] | None = None
    answer: Any = None


@dataclass
class Shared:
    """A forward pass of several models: `answers` [models, ...] with a graph that leads to the stacked parameters."""

    forms: list[Form]
    answers: Tensor
    parameters: dict[str, Tensor]
    own: list[Tensor] | None  # each model's answer computed by itself, where that is to be compared
    done: set[int] = field(default_factory=set)  # the models that have had their backward pass


class Training(threading.Thread):
    """A training in its thread, which only runs while `run_on` waits for it."""

    def __init__(self, job: Any, train: Callable[[Any, Join], Any]) -> None:
        super().__init__(daemon=True)
        self.job, self.train = job, train
        self.may_run, self.waits = threading.Semaphore(0), threading.Semaphore(0)
        self.over = self.ended = self.by_itself = self.descending = False
        self.result: Any = None
        self.error: BaseException | None = None
        self.asks: Asked | None = None
        self.leads: list[Training] | None = None
        self.arrived: list[tuple[Shared, int, Tensor]] = []  # gradients of answers, and whose answers
        self.steps = self.calls = self.shared = 0
        self.forms: WeakKeyDictionary[nn.Module, Form] = WeakKeyDictionary()
        self.checked: dict[Hashable, int] = {}  # at which step a kind of call was last compared
        self.start()

    # Of the thread that leads them all

    def run_on(self) -> None:
        """Let it run until it waits for others or is over."""
        self.may_run.release()
        self.waits.acquire()

    def end(self) -> None:
        self.ended = True
        self.may_run.release()
        self.join()

    # Of its own thread

    def run(self) -> None:
        self.may_run.acquire()
        try:
            if not self.ended:
                self.result = self.train(self.job, self.joined)
        except Over:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again by train_together
            self.error = error
        self.over = True
        self.waits.release()

    def ask(self, asked: Asked) -> Any:
        """Wait until it is answered; the random numbers go on where they stopped."""
        state = random_state()
        self.asks = asked
        while self.asks is not None:
            self.waits.release()
            self.may_run.acquire()
            if self.ended:
                raise Over
            if self.leads is not None:
                group, self.leads = self.leads, None
                asked.compute(group)
                for training in group:
                    training.asks = None
        set_random_state(state)
        return asked.answer

    def joined(self, model: nn.Module) -> nn.Module:
        """The model itself, whose calls are from now on computed with those of the other trainings."""
        alone = type(model)

        class Joined(alone):  # type: ignore[misc, valid-type]  # a copy of the model is joined, too
            def forward(self, *inputs: Any, **options: Any) -> Any:
                training = threading.current_thread()
                forward = super().forward
                if not isinstance(training, Training) or training.by_itself:
                    return forward(*inputs, **options)
                if options or not all(isinstance(it, Tensor) for it in inputs):
                    raise Apart("the model is given more than tensors")
                return training.call(self, inputs, forward)

        Joined.__name__, Joined.__qualname__ = alone.__name__, alone.__qualname__
        model.__class__ = Joined
        return model

    def call(self, model: nn.Module, inputs: tuple[Tensor, ...], forward: Callable[..., Tensor]) -> Tensor:
        """The model's answer to its inputs."""
        learns = torch.is_grad_enabled()
        self.steps += learns
        self.calls += 1
        form = self.forms.get(model)
        if form is None:
            form = self.forms[model] = Form(model)
        same = (
            self.steps,
            learns,
            model.training,
            torch.is_autocast_enabled(),
            torch.is_inference_mode_enabled(),
            form.kind,
            *((it.shape, it.dtype) for it in inputs),
            *(it.requires_grad for it in form.parameters().values()),
        )
        order = (self.steps, 0 if learns else 2)
        return self.ask(Asked(order, same, compute_forward, model, form, inputs, forward))

    def descend(self) -> None:
        """The backward passes of the models, after that of the loss."""
        while self.arrived:
            shared = self.arrived[-1][0]
            self.ask(Asked((self.steps, 1), id(shared), partial(compute_backward, shared=shared)))


# ---------------------------------------------------------------------------------------------------------------------
# Many models as one


def compute_forward(group: list[Training]) -> None:
    """The answers of all the models; of a single one without further ado."""
    leader = group[0]
    first = leader.asks
    leader.by_itself = True
    try:
        if len(group) == 1:
            first.answer = first.forward(*first.inputs)
            return
        answers, parameters = batched([training.asks for training in group])
        kind = first.same[1:]
        check = leader.steps >= leader.checked.get(kind, 0)
        own = [training.asks.forward(*training.asks.inputs) for training in group] if check else None
    except Apart:
        raise
    except Exception as error:  # it may be an error of the edit: then one training at a time meets it again
        raise Apart(f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}") from error
    finally:
        leader.by_itself = False
    if own is not None:
        for training in group:
            training.checked[kind] = leader.steps + CHECK_EVERY
        if any(distance(mine, its) > CLOSE * its.norm() + 1e-6 for mine, its in zip(answers, own, strict=True)):
            raise Apart("models computed together give other answers than each by itself")
    share(group, answers, parameters, own)


def batched(asked: list[Asked]) -> tuple[Tensor, dict[str, Tensor]]:
    """(the answers [models, ...], the stacked parameters [models, ...] by name)."""
    first = asked[0]
    parameters = stacked([it.form.parameters() for it in asked])
    buffers = stacked([it.form.buffers() for it in asked])
    for name, parameter in first.form.parameters().items():
        parameters[name].requires_grad_(parameter.requires_grad and torch.is_grad_enabled())
    before = {name: buffer._version for name, buffer in buffers.items()}

    def one(parameters: dict[str, Tensor], buffers: dict[str, Tensor], *inputs: Tensor) -> Tensor:
        return functional_call(first.model, {**parameters, **buffers}, inputs)

    inputs = [torch.stack(each) for each in zip(*(it.inputs for it in asked), strict=True)]
    # The attention kernel that PyTorch takes on a CPU cannot be batched.
    on_cpu = not any(it.is_cuda for it in inputs)
    with sdpa_kernel(SDPBackend.MATH) if on_cpu else nullcontext():
        answers = vmap(one, randomness="error")(parameters, buffers, *inputs)
    if not isinstance(answers, Tensor):
        raise Apart("the model's answer is not a tensor")
    if changed := [name for name, version in before.items() if buffers[name]._version != version]:
        raise Apart(f"the model changes its buffer {changed[0]}")
    return answers, parameters


def stacked(each: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([one[name].detach() for one in each]) for name in each[0]}


def share(group: list[Training], answers: Tensor, parameters: dict[str, Tensor], own: list[Tensor] | None) -> None:
    """Give each training its model's answer; a gradient that arrives there waits for `descend`."""
    shared = Shared([training.asks.form for training in group], answers, parameters, own)
    for index, training in enumerate(group):
        training.shared += 1
        answer = answers[index].detach()
        if answers.requires_grad:
            answer.requires_grad_().register_hook(noted(training, shared, index))
            answer = answer.as_subclass(Answer)
        training.asks.answer = answer


def noted(training: Training, shared: Shared, index: int) -> Callable[[Tensor], None]:
    """The hook of an answer: its gradient has arrived, and with that the backward pass of its model is to be done."""

    def hook(gradient: Tensor) -> None:
        if not training.descending or gradient.requires_grad:
            raise Apart("gradients are taken in another way than by loss.backward()")
        training.arrived.append((shared, index, gradient))

    return hook


class Answer(Tensor):
    """A model's answer, and what is computed from it: `backward` goes on to the models, together."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        training = threading.current_thread()
        if func is torch.autograd.grad:
            raise Apart("gradients are taken by torch.autograd.grad")
        if func is not Tensor.backward or not isinstance(training, Training):
            return super().__torch_function__(func, types, args, kwargs or {})
        training.descending = True
        try:
            super().__torch_function__(func, types, args, kwargs or {})
            training.descend()
        finally:
            training.descending = False


def compute_backward(group: list[Training], shared: Shared) -> None:
    """Add to the gradient of every parameter of the group's models, as loss.backward() does."""
    arrived: dict[int, Tensor] = {}
    for training in group:
        for _, index, gradient in [it for it in training.arrived if it[0] is shared]:
            arrived[index] = gradient if index not in arrived else arrived[index] + gradient
        training.arrived = [it for it in training.arrived if it[0] is not shared]
    shared.done |= arrived.keys()
    nothing = torch.zeros_like(shared.answers[0])
    above = torch.stack([arrived.get(index, nothing) for index in range(len(shared.forms))])
    learning = {name: it for name, it in shared.parameters.items() if it.requires_grad}
    again = len(shared.done) < len(shared.forms)  # some have not come yet, or will not
    try:
        gradients = torch.autograd.grad(
            shared.answers, list(learning.values()), above, retain_graph=again, allow_unused=True
        )
    except RuntimeError as error:
        raise Apart(str(error).splitlines()[0]) from error
    # In memory as the parameters are, which is what fused optimizers take for granted.
    rows = [None if gradient is None else gradient.contiguous() for gradient in gradients]
    for index in arrived:
        parameters = shared.forms[index].parameters()
        mine = {name: gradient[index] for name, gradient in zip(learning, rows, strict=True) if gradient is not None}
        if shared.own is not None:
            compare(shared.own[index], above[index], parameters, mine)
        for name, gradient in mine.items():
            parameter = parameters[name]
            if parameter.grad is not None:
                parameter.grad += gradient
            elif gradient.stride() == parameter.stride():
                parameter.grad = gradient
            else:
                parameter.grad = torch.empty_like(parameter).copy_(gradient)


def compare(own: Tensor, above: Tensor, parameters: dict[str, Tensor], mine: dict[str, Tensor]) -> None:
    """Raise Apart unless the model's own backward pass gives these gradients. Its hooks run, as they would alone."""
    kept = {name: parameter.grad for name, parameter in parameters.items()}
    for parameter in parameters.values():
        parameter.grad = None
    own.backward(above)
    its = {name: parameter.grad for name, parameter in parameters.items() if parameter.grad is not None}
    for name, parameter in parameters.items():
        parameter.grad = kept[name]
    whole = sum(float(gradient.norm()) ** 2 for gradient in its.values()) ** 0.5
    if its.keys() != mine.keys() or any(
        not distance(mine[name], gradient) <= CLOSE * (gradient.norm() + 1e-2 * whole) for name, gradient in its.items()
    ):
        raise Apart("models computed together get other gradients than each by itself")


def distance(one: Tensor, other: Tensor) -> Tensor:
    return (one.detach() - other.detach()).norm()


# ---------------------------------------------------------------------------------------------------------------------
# Each training's own random numbers


def random_state() -> tuple[Any, ...]:
    cuda = torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda


def set_random_state(state: tuple[Any, ...]) -> None:
    random.setstate(state[0])
    np.random.set_state(state[1])
    torch.set_rng_state(state[2])
    if state[3] is not None:
        torch.cuda.set_rng_state(state[3])
