grader: logs/*: no such file or folder
