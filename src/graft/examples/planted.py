"""Planted: pairs of questions that ask the same, and that do not, by which encoders are fitted.

Written by hand, over technical documents, health, reviews and the papers of a company. What is
fitted to them is reported on others: `benchmarks/leaks.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

Pairs = Sequence[tuple[str, str]]


def read_pairs(text: str) -> list[tuple[str, str]]:
    """Return the pairs of a text, one a line, parted by a bar.

    >>> read_pairs("Who wrote it? | Who is its author?")
    [('Who wrote it?', 'Who is its author?')]
    """
    lines = (line.partition(" | ") for line in text.strip().splitlines())
    return [(one.strip(), other.strip()) for one, _, other in lines]


SAME: Pairs = read_pairs("""What does heapq.merge do? | What is the purpose of heapq.merge?
How do I install the package? | What is the way to set up the package?
Which exception is raised when a key is missing? | What error do I get if a key is not there?
How can a thread be stopped? | What is the way to end a thread?
What is the default timeout of a connection? | How long does a connection wait before it times out?
How do I read a file line by line? | In what way can the lines of a file be read one after another?
What does os.path.join return? | What is the return value of os.path.join?
Which encoding is used when none is given? | If no encoding is specified, what encoding is applied?
How large can a request be? | What is the maximum size of a request?
Why does the build fail without a compiler? | What makes the build break when no compiler is there?
How are decorators written in Python? | What is the syntax for decorators in Python?
When was support for Python 2 dropped? | In which version did Python 2 support end?
What is the difference between a list and a tuple? | How do lists differ from tuples?
How can I list all running containers? | Which command shows the containers that are running?
What happens when the queue is full? | What is the behaviour of a full queue?
How do I turn off logging? | How can logging be disabled?
Which port does the server listen on? | What port is the server bound to?
What are the requirements for the GPU version? | What does the GPU version need?
How do I undo the last commit? | How can the most recent commit be reverted?
Where is the configuration file stored? | In which place does the configuration file lie?
What type does json.loads return for fractions? | Fractions are read as which type by json.loads?
Can a pod have more than one container? | Is it possible for a pod to hold several containers?
What are the symptoms of diabetes? | How can you tell that someone has diabetes?
How is asthma treated? | What treatments are available for asthma?
What causes high blood pressure? | Why do people get hypertension?
How much aspirin may an adult take a day? | What is the maximum daily dose of aspirin for adults?
Who is at risk of osteoporosis? | Which people are likely to develop osteoporosis?
Is measles contagious? | Can measles be passed from one person to another?
How long does the flu last? | What is the duration of influenza?
What are the side effects of ibuprofen? | Which adverse effects can ibuprofen have?
How can kidney stones be prevented? | What can be done to avoid kidney stones?
When should I see a doctor about a headache? | At what point does a headache need medical attention?
How common is cystic fibrosis? | What is the prevalence of cystic fibrosis?
Which foods should be avoided with gout? | What should people with gout not eat?
How do doctors diagnose celiac disease? | How is celiac disease diagnosed?
Is there a cure for Parkinson's disease? | Can Parkinson's disease be cured?
What genes are related to Marfan syndrome? | Which genes are associated with Marfan syndrome?
How is Turner syndrome inherited? | What is the inheritance pattern of Turner syndrome?
What is the outlook for people with leukemia? | What is the prognosis for leukemia patients?
Does smoking raise the risk of stroke? | Are smokers more likely to have a stroke?
What vaccine protects against tetanus? | Which vaccination prevents tetanus?
How does insulin work in the body? | What does insulin do in the human body?
Should pregnant women drink coffee? | Is it safe to have coffee during pregnancy?
What is the conclusion of this report? | What does this report conclude?
How long does the battery last? | What is the battery life?
Is the sound quality good? | How good is the sound?
What colour is the case? | Which color does the case have?
How did the customer feel about the delivery? | What was the buyer's opinion of the delivery?
Does the phone fit in a pocket? | Is the phone small enough for a pocket?
How much does the blender weigh? | What is the weight of the blender?
Would the reviewer buy the shoes again? | Does the reviewer say they would get the shoes again?
What did the reviewer dislike about the book? | What complaint did the reviewer have about the book?
Who would enjoy this film? | For whom is this movie suited?
How easy is the tent to put up? | Is the tent simple to set up?
Why was the headset returned? | What was the reason for sending back the headset?
How many pages does the novel have? | What is the page count of the novel?
Is the jacket waterproof? | Does the jacket keep out water?
Was the package damaged when it arrived? | Did the parcel arrive broken?
How does the camera perform in low light? | How well does the camera work when it is dark?
What does the warranty cover? | Which things are included in the warranty?
Does the dress run small? | Is the size of the dress smaller than expected?
How noisy is the vacuum cleaner? | How loud is the vacuum cleaner?
Who is the CEO of Acme? | Who leads Acme as chief executive?
When was the Eiffel Tower finished? | In what year was the Eiffel Tower completed?
How many employees does Siemens have? | What is the number of people working for Siemens?
Where was Marie Curie born? | What is the birthplace of Marie Curie?
Who wrote Pride and Prejudice? | Who is the author of Pride and Prejudice?
How high is Mount Everest? | What is the height of Mount Everest?
What is the capital of Australia? | Which city is Australia's capital?
How many leave days carry over to the next year? | How much unused holiday goes into the next year?
Who approves travel expenses? | Whose approval do travel expenses need?
What is the notice period for employees? | How much notice must employees give?
""")
"""Paraphrases: no word need be the same."""

DIFFERENT: Pairs = read_pairs("""What does heapq.merge do? | What does heapq.nsmallest do?
What does json.dumps return? | What does json.loads return?
What is itertools.cycle? | What is itertools.chain?
Who is the CEO of Acme? | Who is the CEO of Globex?
When was the bridge of Hexham built? | When was the bridge of Corbridge built?
Which exception does open() raise? | Which exception does close() raise?
How do I install the package on Linux? | How do I install the package on Windows?
What changed in version 3.11? | What changed in version 3.12?
Is the cache safe with threads? | Is the cache not safe with threads?
What is the default value of max_tokens? | What is the default value of min_tokens?
How do I create a branch? | How do I delete a branch?
What happens before the commit? | What happens after the commit?
How can I start a container? | How can I stop a container?
Which port does the server use? | Which protocol does the server use?
What is the maximum size of a request? | What is the minimum size of a request?
Why does the client retry? | Why does the server retry?
How do I read a file? | How do I write a file?
How do I read a CSV file? | How do I read a JSON file?
What is a stack? | What is a queue?
What is a shallow copy? | What is a deep copy?
What is the difference between a list and a bag? | What is the difference between a list and a set?
When does the function return None? | When does the function return True?
Which method adds an item to the list? | Which method removes an item from the list?
How is a class defined? | How is a function defined?
What is the type of a key? | What is the type of a value?
What does the append method do? | What does the extend method do?
How do I enable logging? | How do I disable logging?
What is the lower bound of the index? | What is the upper bound of the index?
How long is a session kept? | How long is a password kept?
Which tests run on every push? | Which checks run on every release?
What does Path.exists test? | What does Path.is_dir test?
How many threads does the pool start? | How many processes does the pool start?
What is the first argument of the function? | What is the second argument of the function?
How do I connect to a database? | How do I connect to a printer?
Can a pod be restarted? | Can a node be restarted?
What is the license of the library? | What is the version of the library?
How does the garbage collector work? | How does the import system work?
What do decorators do? | What do descriptors do?
What does the with statement do? | What does the try statement do?
When is __enter__ called? | When is __exit__ called?
What are the symptoms of diabetes? | What are the symptoms of asthma?
What are the symptoms of diabetes? | What are the causes of diabetes?
How is asthma treated? | How is asthma diagnosed?
What are the side effects of ibuprofen? | What are the side effects of naproxen?
How much aspirin may an adult take a day? | How much aspirin may a child take a day?
What is the dose of metformin? | What is the dose of insulin?
What causes high blood pressure? | What causes low blood pressure?
Who is at risk of osteoporosis? | Who is at risk of osteoarthritis?
What is diabetes type 1? | What is diabetes type 2?
What is hepatitis B? | What is hepatitis C?
Is measles contagious? | Is mumps contagious?
How can kidney stones be prevented? | How can kidney stones be removed?
How can kidney stones be prevented? | How can gallstones be prevented?
What is the outlook for people with leukemia? | What is the outlook for people with lymphoma?
How many people are affected by Turner syndrome? | How many people are affected by Marfan syndrome?
What genes are related to Marfan syndrome? | What genes are related to Noonan syndrome?
How is cystic fibrosis inherited? | How common is cystic fibrosis?
Is there a cure for Parkinson's disease? | Is there a cure for Alzheimer's disease?
Is there a cure for Parkinson's disease? | Is there a test for Parkinson's disease?
Which vaccine protects against tetanus? | Which vaccine protects against rabies?
Does smoking raise the risk of stroke? | Does drinking raise the risk of stroke?
Does exercise lower blood sugar? | Does exercise lower cholesterol?
What does vitamin D do? | What does vitamin C do?
How long does the flu last? | How long does a cold last?
When should I see a doctor about a headache? | When should I see a doctor about a cough?
Should pregnant women drink coffee? | Should pregnant women drink alcohol?
Should pregnant women take folic acid? | Should pregnant women take aspirin?
What do doctors give for a heart attack? | What do doctors give for a stroke?
What is a normal heart rate? | What is a normal body temperature?
What are early signs of dementia? | What are late signs of dementia?
Does the drug raise the pulse? | Does the drug lower the pulse?
Which foods contain iron? | Which foods contain calcium?
What does the liver do? | What does the kidney do?
How is a broken arm treated? | How is a broken leg treated?
How did mortality change in men? | How did mortality change in women?
Was the treatment effective in children? | Was the treatment not effective in children?
How many patients took part in 2010? | How many patients took part in 2015?
Is the vaccine safe for adults? | Is the vaccine safe for infants?
What are the stages of lung cancer? | What are the stages of breast cancer?
What are treatments for lung cancer? | What are treatments for breast cancer?
How long does the battery last? | How long does the cable last?
How long is the battery? | How long does the battery last?
Is the sound quality good? | Is the picture quality good?
What colour is the case? | What colour is the strap?
How much does the blender weigh? | How much does the blender cost?
How much does the blender cost? | How much does the toaster cost?
Is the jacket waterproof? | Is the jacket warm?
Is the jacket warm? | Are the gloves warm?
How easy is the tent to put up? | How easy is the tent to clean?
Would the reviewer buy the shoes again? | Would the reviewer return the shoes?
What did the reviewer like about the book? | What did the reviewer dislike about the book?
What did the reviewer like about the book? | What did the reviewer like about the film?
Who plays the detective in the film? | Who plays the villain in the film?
How is the story of the film? | How is the music of the film?
Why was the headset returned? | Why was the keyboard returned?
How many pages does the novel have? | How many chapters does the novel have?
How fast was the delivery? | How expensive was the delivery?
Does the phone fit in a pocket? | Does the phone fit in the holder?
How is the screen of the phone? | How is the camera of the phone?
Is the coffee strong? | Is the tea strong?
Does the dress run small? | Does the dress run large?
How noisy is the vacuum cleaner? | How heavy is the vacuum cleaner?
Was the customer happy with the price? | Was the customer happy with the service?
What does the warranty cover? | How long does the warranty last?
Is the dog food good for puppies? | Is the cat food good for kittens?
How do the earphones sound? | How do the earphones look?
How is the taste of the sauce? | How is the smell of the sauce?
What does the five star review praise? | What does the one star review praise?
How many players can play the game? | How long does it take to play the game?
Does the charger work with Samsung phones? | Does the charger work with Nokia phones?
Who wrote Emma? | Who wrote Ulysses?
Where was Marie Curie born? | Where was Lise Meitner born?
Where was Marie Curie born? | When was Marie Curie born?
Where was Marie Curie born? | Where did Marie Curie die?
How high is Mount Everest? | How high is Mount Elbrus?
What is the capital of Australia? | What is the capital of Austria?
What is the capital of Australia? | What is the population of Australia?
Who won the election in 2012? | Who won the election in 2016?
Who won the war? | Who lost the war?
How many employees does Siemens have? | How many employees does Bosch have?
When was the Eiffel Tower finished? | When was the Eiffel Tower begun?
How many leave days carry over? | How many sick days carry over?
How many leave days carry over? | How many leave days are there in a year?
Who approves travel expenses? | Who approves overtime?
Who signs contracts above 50,000 euros? | Who signs contracts below 50,000 euros?
Who signs contracts above 50,000 euros? | Who signs contracts above 80,000 euros?
What is the notice period for employees? | What is the notice period for tenants?
What is the limit for a hotel night in Lisbon? | What is the limit for a hotel night in Oslo?
May employees work from home on Fridays? | May employees work from home on Mondays?
What were the revenues in 2018? | What were the revenues in 2019?
What were the revenues in 2018? | What were the expenses in 2018?
Did revenue rise in the first quarter? | Did revenue fall in the first quarter?
What is the interest rate of the loan? | What is the term of the loan?
How is Rotor syndrome diagnosed? | What are the symptoms of Rotor syndrome?
How many people are affected by Menkes disease? | What is Menkes disease?
What are the treatments for sarcoidosis? | What is sarcoidosis?
Is hemophilia inherited? | How many people are affected by hemophilia?
What causes juvenile arthritis? | Who is at risk for juvenile arthritis?
What research is being done on childhood brain tumors? | How are childhood brain tumors diagnosed?
How is a wheel file built? | What is inside a wheel file?
What does the garbage collector do? | When does the garbage collector run?
How do I write a decorator with arguments? | Why would I use a decorator with arguments?
What is a context manager? | How is a context manager tested?
Which arguments does subprocess.run take? | What does subprocess.run return?
What is the Python Package Index? | Who maintains the Python Package Index?
How is an abstract base class defined? | What is an abstract base class good for?
When was the travel policy last changed? | Who may book travel under the travel policy?
What does the travel policy say about trains? | What does the travel policy say on hotels and meals?
How much does the annual subscription cost? | How do I cancel the annual subscription?
What did the reviewer say of the screen protector? | Where was the screen protector bought?
What size of mattress does the author have? | What does the author think of the mattress?
How long was the coffee maker used? | Which parts of the coffee maker broke?
Who did the reviewer buy the guitar for? | How many strings does the guitar have?
What type of general anaesthesia is used? | What are the risks of general anaesthesia?
What degree is required for a medical course? | How many years does a medical course take?
Where is most of the world's tin traded? | How much tin is mined in the world?
In which years did states legalise cousin marriage? | Which states legalised cousin marriage first?
What was a result of the Mongolian revolution? | When did the Mongolian revolution take place?
How many days does it rain in Istanbul? | How much rain falls in Istanbul in a year?
What is the most popular operating system? | What is the most popular operating system on phones?
Which vessels are affected by Kawasaki disease? | At what age does Kawasaki disease begin?
What kind of memory does the graphics card have? | How much memory does the graphics card have?
How do I add a user to a group? | How do I list the users of a group?
""")
"""Questions of one form about other things, and about other sides of one thing."""
